# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to ``standing``; the action plugin of the same name calls it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: outdated
short_description: Say which apps stand on a runtime that has been made anew since
description:
  - Asks our registry what each image stands on, and compares that with what the runtime is now.
  - In a playbook, an action of the same name takes O(out), O(registry) and O(push_auth), and gives O(images)
    from what M(fairlead.paas.look) with C(every_app) returned on the manager.
options:
  images:
    description: The image of each app by its name, C(REGISTRY/NAME@DIGEST); the action plugin gives it.
    type: dict
    default: {}
  out:
    description: A file on the controller that the answer is written into as JSON.
    type: str
  registry:
    description: The registry's C(HOST:PORT).
    type: str
    required: true
  push_auth:
    required: true
extends_documentation_fragment: fairlead.paas.account.pushing
attributes:
  check_mode:
    description: Nothing is changed in any mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
author: The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Look at the ledger
  fairlead.paas.look:
    every_app: true
  become: true
  register: seen

- name: Say what stands on an older runtime
  fairlead.paas.outdated:
    registry: "{{ fairlead_registry }}"
    push_auth: "{{ fairlead_registry_push }}"
  delegate_to: "{{ groups.builders | first }}"
  become: true
"""

RETURN = r"""
apps:
  description: Each app with its image, its runtime, whether that is outdated, and what has changed in it.
  returned: success
  type: list
  elements: dict
"""

from contextlib import closing
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.standing import standings, store_of

ARGUMENTS: dict[str, Any] = {
    "images": {"type": "dict", "default": {}},
    "out": {"type": "str"},
    "registry": TEXT,
    "push_auth": {"type": "dict", "required": True, "options": ACCOUNT},
}


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    try:
        with closing(Registry(params["registry"], params["push_auth"])) as registry:
            found = standings(params["images"], params["registry"], store_of(registry))
    except FairleadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, apps=[each.as_dict() for each in found])


if __name__ == "__main__":
    main()
