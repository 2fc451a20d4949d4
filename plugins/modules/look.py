# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to ``observe``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: look
short_description: Say what a node is and which instances stand on it
description:
  - One look at a node, read from the Docker engine, the kernel and the containers' C(io.fairlead.*) labels.
  - Nothing is changed, nothing is remembered.
author:
  - The Fairlead maintainers
requirements:
  - python3-docker
attributes:
  check_mode:
    description: A look is the same in check mode.
    support: full
  diff_mode:
    description: A look changes nothing, so there is nothing to show.
    support: none
options:
  ports:
    description: The range of ports in which instances are published.
    type: dict
    default: {}
    suboptions:
      first:
        description: The first port of the range.
        type: int
        default: 25701
      last:
        description: The last port of the range.
        type: int
        default: 26700
"""

EXAMPLES = r"""
- name: Look at every node
  fairlead.paas.look:
    ports: {first: 25701, last: 26700}
  become: true
  register: looks
"""

RETURN = r"""
node:
  description: >-
    C(cpus) (number), C(memory) and C(free_memory) (bytes), C(load) (1 minute average), C(busy_ports) (ports
    of the range held by anything but the platform), C(engine_version), C(arch).
  returned: success
  type: dict
instances:
  description: >-
    Every container of the platform, of all apps, stopped ones too, sorted by slot. C(app), C(process),
    C(number), C(container) (id), C(name), C(release), C(image), C(spec) (hash), C(memory) (bytes), C(cpu)
    (cores), C(port) (or null), C(running), C(drift) (what was changed by hand, in words). One that restarts
    again and again does not run; a paused one runs, and its pause is drift.
  returned: success
  type: list
  elements: dict
strange:
  description: Containers with the platform's app label whose other labels do not say an instance, and why.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.observe import look
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

PORTS = {
    "type": "dict",
    "default": {},
    "options": {"first": {"type": "int", "default": 25701}, "last": {"type": "int", "default": 26700}},
}


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec={"ports": PORTS}, supports_check_mode=True)
    ports = module.params["ports"]
    try:
        seen = look(connect(), ports.get("first", 25701), ports.get("last", 26700))
    except FairleadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **seen)


if __name__ == "__main__":
    main()
