# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action plugin of this name; nothing of it runs on a machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: recover
short_description: Rebuild a ledger that was lost from what machines still show
description:
  - Decides on the controller, from what M(fairlead.paas.remains) returned on every machine, and records it in
    the ledger on the task's host, the first manager.
  - Each app that the ledger knows no release of gets one, active, with the configuration that its containers
    carry. It is the newest release of which all instances run; if there is none, the one of which the
    largest part does. Its number is one above the highest that any container has.
  - An app whose containers carry no configuration that can be read gets a failed release, so that numbers
    are not given twice.
  - Tokens of leases leap above all that machines have seen, and the next run of each app looks twice.
  - What could not be known is said.
  - Refuses while a machine cannot be asked, since it may have newer releases and higher tokens.
options:
  force:
    description: Whether to set aside a ledger that cannot be read, and backups of the ledger that was lost.
    type: bool
    default: false
  skip_unreachable:
    description: Whether to go on without machines that cannot be reached.
    type: bool
    default: false
attributes:
  check_mode:
    description: Decides and prints the same, and records nothing.
    support: full
  diff_mode:
    description: Shows the releases that are recorded.
    support: full
author: The Fairlead maintainers
"""

EXAMPLES = r"""
- name: See what remains
  fairlead.paas.remains:
    node: "{{ inventory_hostname in groups.nodes }}"
    router: "{{ inventory_hostname in groups.routers }}"
    manager: "{{ inventory_hostname in groups.managers }}"
  register: remains

- name: Rebuild the ledger
  fairlead.paas.recover:
  run_once: true
  delegate_to: "{{ groups.managers | first }}"
"""

RETURN = r"""
lines:
  description: What was rebuilt from what, and what could not be known.
  returned: success
  type: list
  elements: str
moves:
  description: The releases that were recorded (app, number, before, after, outcome).
  returned: success
  type: list
  elements: dict
aside:
  description: The names under which files of a ledger that was lost are kept.
  returned: success
  type: list
  elements: str
"""
