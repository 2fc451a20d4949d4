# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action plugin of this name; nothing of it runs on a machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: survey
short_description: Write the fleet, as it was seen, into a file
description:
  - Puts together what M(fairlead.paas.look) returned on every node and on the manager, and writes it into
    a file on the controller, as C(fairlead simulate) and the other commands read it; see docs/placement.md.
  - The configurations of all active releases are in it, without their environments.
  - The file is for its owner alone.
options:
  out:
    description: The file. Without it the task fails, with how to name one.
    type: str
    default: ""
  skip_unreachable:
    description: Whether to go on without nodes that cannot be reached.
    type: bool
    default: false
attributes:
  check_mode:
    description: Writes the file in any mode, for that changes no machine.
    support: none
  diff_mode:
    description: There is nothing to compare.
    support: none
author: The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Look at every machine
  fairlead.paas.look:
    every_app: true
    ports: {first: 25701, last: 26700}
  become: true
  register: seen

- name: Write down what was seen
  fairlead.paas.survey:
    out: fleet.json
  run_once: true
  delegate_to: "{{ groups.managers | first }}"
"""

RETURN = r"""
out:
  description: The file.
  returned: success
  type: str
"""
