# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge a base image made of Debian packages in our registry."""

from __future__ import annotations

DOCUMENTATION = r"""
module: base
short_description: Converge a base image made of Debian packages
description:
  - Makes a minimal Debian with the packages given, and pushes it to our registry as C(NAME:CODENAME) and
    C(NAME:latest), unless the registry has what this recipe makes. Nothing is pulled from elsewhere.
  - Packages come from the machine's own apt sources, as far as these are Debian's.
options:
  name:
    description: The image's name in our registry.
    type: str
    required: true
  packages:
    description: What is in it beside the essential packages and apt.
    type: list
    elements: str
    default: []
  release:
    description: The codename of a Debian release; empty for the machine's own.
    type: str
    default: ""
  refresh:
    description: Make it anew from today's packages, whatever the registry has.
    type: bool
    default: false
  registry:
    description: The registry's C(HOST:PORT).
    type: str
    required: true
  push_auth:
    required: true
extends_documentation_fragment: fairlead.paas.account.pushing
attributes:
  check_mode:
    description: Predicts exactly, changes nothing.
    support: full
  diff_mode:
    description: Shows what is made and which tags move.
    support: full
requirements:
  - mmdebstrap
  - python3-docker
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Keep a base image for Python apps
  fairlead.paas.base:
    name: base/python
    packages: [python3]
    registry: "{{ fairlead_registry }}"
    push_auth: "{{ fairlead_registry_push }}"
"""

RETURN = r"""
tag:
  description: The tag that only this recipe has.
  returned: success
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.base import Recipe, converge
from ansible_collections.fairlead.paas.plugins.module_utils.image.base_build import hands, own_release
from ansible_collections.fairlead.paas.plugins.module_utils.image.registry import (
    CERTIFICATES,
    Registry,
    RegistryError,
)
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT

ARGUMENTS: dict[str, Any] = {
    "name": TEXT,
    "packages": {"type": "list", "elements": "str", "default": []},
    "release": {"type": "str", "default": ""},
    "refresh": {"type": "bool", "default": False},
    "registry": TEXT,
    "push_auth": {"type": "dict", "required": True, "options": ACCOUNT},
}


def run(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module returns. Raises FairleadError."""
    recipe = Recipe(params["name"], params["release"] or own_release(), tuple(sorted(params["packages"])))
    registry = Registry(params["registry"], params["push_auth"])
    try:
        world = hands(recipe, registry, params["push_auth"])
        lines = converge(recipe, world, refresh=params["refresh"], check=check)
    finally:
        registry.close()
    said = "".join(f"{line}\n" for line in lines)
    return {"changed": bool(lines), "tag": recipe.tag, "diff": {"before": "", "after": said}}


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module.params, check=module.check_mode)
    except RegistryError as error:
        trusted = CERTIFICATES / module.params["registry"] / "ca.crt"
        if module.check_mode and not trusted.exists():
            # A check of a bare machine: the registry and the trust in it are yet to come.
            module.exit_json(changed=True)
        module.fail_json(msg=str(error))
    except FairleadError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
