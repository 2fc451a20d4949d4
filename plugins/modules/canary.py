# SPDX-License-Identifier: GPL-3.0-or-later
"""Door: what a router has measured of the servers of a canary."""

from __future__ import annotations

DOCUMENTATION = r"""
module: canary
short_description: Try a new release with a share of the requests
description:
  - As a task it holds a deploy for as long as the app's canary lasts. It asks every router of the task again
    and again how the servers of the new release and of the old one have served, adds that up, and fails as
    soon as the new one is worse than the app file allows. That part is an action on the controller, to be run
    on all routers in one task.
  - On a router the module only reads HAProxy's own counts and the events of its ring.
options:
  trial:
    description:
      - The task's only option, as a phase of the plan has it, with C(servers) (backend to the names of the
        new release's servers) and C(canary) (C(weight), C(hold), C(max_5xx), C(max_p95)).
      - Not for the module itself.
    type: dict
  backends:
    description: The backends to read, as C(shop.web). For the module itself.
    type: list
    elements: str
    default: []
  mark:
    description: What an earlier reading returned as its mark. Events up to there are left out.
    type: str
    default: ""
extends_documentation_fragment: fairlead.paas.haproxy
attributes:
  check_mode:
    description: The task waits for nothing; the module only reads in any case.
    support: full
  diff_mode:
    description: There is nothing to show, since nothing changes.
    support: none
  idempotent:
    description: It changes nothing.
    support: full
author:
  - Fairlead
"""

EXAMPLES = r"""
- name: Judge the new release by its share of the requests
  fairlead.paas.canary:
    trial:
      servers: {shop.web: [web.1-n1-25702]}
      canary: {weight: 5, hold: 60.0, max_5xx: 1.0, max_p95: 1.5}
  when: inventory_hostname in groups.routers
"""

RETURN = r"""
found:
  description: What all routers together have measured, a sentence for each process.
  type: list
  elements: str
  returned: by the task, unless another router's part of it has failed
aborted:
  description: Set if the new release is worse than it may be; C(msg) says how.
  type: bool
  returned: by the task, when it fails for this reason
reading:
  description:
    - The worker's process id, the mark, and of each server its status and counts; with the times
      (milliseconds to how many answers took so long to begin) since the mark that was given.
  type: dict
  returned: by the module
"""

import socket

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.measure import measure
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.place import Place
from ansible_collections.fairlead.paas.plugins.module_utils.options import HAPROXY


def main() -> None:
    """Read the arguments, measure, exit."""
    module = AnsibleModule(
        argument_spec={
            "trial": {"type": "dict"},
            "backends": {"type": "list", "elements": "str", "default": []},
            "mark": {"type": "str", "default": ""},
            **HAPROXY,
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        reading = measure(Place.of(given), given["backends"], given["mark"])
    except (FairleadError, OSError) as error:
        module.fail_json(msg=f"router {socket.gethostname()}: {error}")
    module.exit_json(changed=False, reading=reading.as_dict())


if __name__ == "__main__":
    main()
