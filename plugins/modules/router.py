# SPDX-License-Identifier: GPL-3.0-or-later
"""Door: make HAProxy run what its files say."""

from __future__ import annotations

DOCUMENTATION = r"""
module: router
short_description: Make HAProxy run what its files say
description:
  - Asks the running HAProxy which files it has read (each names its own fingerprint) and with which arguments
    it was started, and reloads or restarts it only when that differs from the files.
  - Unlike a handler it cannot be lost, whatever failed in an earlier run.
options:
  arguments:
    description: What the unit's drop-in sets as C(FAIRLEAD_ARGUMENTS); a process without it is restarted.
    type: str
    required: true
  service:
    description: The unit to restart.
    type: str
    default: haproxy
extends_documentation_fragment: fairlead.paas.haproxy
attributes:
  check_mode:
    description: Says what is due and touches nothing.
    support: full
  diff_mode:
    description: Shows what is due.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - Fairlead
"""

EXAMPLES = r"""
- name: Run what the files say
  fairlead.paas.router:
    arguments: "-S /run/haproxy-master.sock,mode,600 -f /etc/haproxy/apps"
"""

RETURN = r"""
action:
  description: What was done, or would be; empty when nothing was due.
  type: str
  returned: success
  sample: reload
"""

import socket

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.place import Place
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.running import due, mend
from ansible_collections.fairlead.paas.plugins.module_utils.options import HAPROXY


def run(module: AnsibleModule) -> str:
    """Return what was due, done unless in check mode. Raises FairleadError."""
    given, place = module.params, Place.of(module.params)
    if module.check_mode:
        return due(place, given["arguments"])
    return mend(place, given["arguments"], given["service"])


def main() -> None:
    """Read the arguments, run, exit."""
    module = AnsibleModule(
        argument_spec={
            "arguments": {"type": "str", "required": True},
            "service": {"type": "str", "default": "haproxy"},
            **HAPROXY,
        },
        supports_check_mode=True,
    )
    try:
        action = run(module)
    except (FairleadError, OSError) as error:
        module.fail_json(msg=f"router {socket.gethostname()}: {error}")
    diff = {"prepared": f"~ HAProxy: {action}\n" if action else ""}
    module.exit_json(changed=bool(action), action=action, diff=diff)


if __name__ == "__main__":
    main()
