# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to runtimes, on the builder; the action plugin of the same name calls it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime
short_description: Converge an image made of Debian packages in our registry
description:
  - Makes an image of Debian packages and pushes it to our registry, with its bill of packages (SPDX 2.3),
    where the registry lacks what this recipe makes, and where Debian has other versions now of what is in it.
    Nothing is pulled from elsewhere, and no engine has a part in it.
  - The same recipe and the same versions give the same digest, on whatever builder they are made.
  - Packages come from the machine's own apt sources, as far as these are Debian's. Lists and packages are
    kept in C(/var/cache/fairlead/runtimes), which may be deleted at any time.
options:
  name:
    description: The image's name in our registry.
    type: str
    required: true
  packages:
    description: What it is for. What these need at run time comes with them; recommended packages do not.
    type: list
    elements: str
    required: true
  release:
    description: The codename of a Debian release; empty for the machine's own.
    type: str
    default: ""
  whole:
    description: Whether Debian's essential packages, dpkg and apt stay, so that more can be installed in it.
    type: bool
    default: false
  without:
    description: Patterns of packages that are left out, though others depend on them.
    type: list
    elements: str
    default: []
  lacks:
    description: Patterns of paths that are left out, without the first slash.
    type: list
    elements: str
    default: []
  version:
    description: The package whose version becomes a tag.
    type: dict
    suboptions:
      package:
        description: Its name, or a pattern of it.
        type: str
        required: true
      parts:
        description: How many numbers of its version count.
        type: int
        default: 1
  user:
    description: The name of the user 10001, who owns nothing but O(data).
    type: str
    default: app
  home:
    description: The user's home, where commands start.
    type: str
    default: /app
  data:
    description: A directory that is the user's. With it, all that runs in the image runs as the user.
    type: str
    default: ""
  command:
    description: What runs unless something else is asked for.
    type: list
    elements: str
    default: []
  entrypoint:
    description: What every command is given to.
    type: list
    elements: str
    default: []
  env:
    description: Variables, C(NAME=VALUE), beside C(PATH) and C(LANG).
    type: list
    elements: str
    default: []
  files:
    description: A directory on the controller; its files come to the root at the same paths.
    type: path
  additions:
    description: What was read of O(files); the action plugin gives it.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where it goes.
        type: str
        required: true
      content:
        description: What is in it.
        type: str
        required: true
      is_program:
        description: Whether it can be run.
        type: bool
        default: false
  refresh:
    description: Make it anew, whatever the registry has.
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
    description: >-
      Says what would be made, and why. Package lists are fetched, nothing else is. The tag of a version that
      is yet to come is not foreseen.
    support: full
  diff_mode:
    description: Shows what is made, for which packages, and which tags move.
    support: full
requirements:
  - mmdebstrap
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Keep a runtime for Python apps
  fairlead.paas.runtime:
    name: runtimes/python
    packages: [python3, coreutils]
    version: {package: python3, parts: 2}
    command: [python3]
    registry: "{{ fairlead_registry }}"
    push_auth: "{{ fairlead_registry_push }}"
"""

RETURN = r"""
tag:
  description: The tag that only this recipe has.
  returned: success
  type: str
lines:
  description: What was done, or would be.
  returned: success
  type: list
  elements: str
"""

from contextlib import closing
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import (
    CERTIFICATES,
    Registry,
    RegistryError,
)
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.archive import Archive, own_release
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.build import hands
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.root import Addition
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.runtime import Recipe, converge

_WORDS: dict[str, Any] = {"type": "list", "elements": "str", "default": []}
_FLAG: dict[str, Any] = {"type": "bool", "default": False}
_EMPTY: dict[str, Any] = {"type": "str", "default": ""}
ARGUMENTS: dict[str, Any] = {
    "name": TEXT,
    "packages": {"type": "list", "elements": "str", "required": True},
    "release": _EMPTY,
    "whole": _FLAG,
    **dict.fromkeys(("without", "lacks", "command", "entrypoint", "env"), _WORDS),
    "version": {"type": "dict", "options": {"package": TEXT, "parts": {"type": "int", "default": 1}}},
    "user": {"type": "str", "default": "app"},
    "home": {"type": "str", "default": "/app"},
    "data": _EMPTY,
    "files": {"type": "path"},
    "additions": {
        **_WORDS,
        "elements": "dict",
        "options": {"path": TEXT, "content": TEXT, "is_program": _FLAG},
    },
    "refresh": _FLAG,
    "registry": TEXT,
    "push_auth": {"type": "dict", "required": True, "options": ACCOUNT},
}


def recipe_from(params: dict[str, Any]) -> Recipe:
    """Return the recipe that the module's parameters are. Raises FairleadError."""
    version = params["version"]
    return Recipe(
        name=params["name"],
        release=params["release"] or own_release(),
        packages=tuple(sorted(params["packages"])),
        version=(version["package"], version["parts"]) if version else None,
        additions=tuple(
            Addition(each["path"], each["content"].encode(), each["is_program"])
            for each in params["additions"]
        ),
        without=tuple(params["without"]),
        lacks=tuple(params["lacks"]),
        command=tuple(params["command"]),
        entrypoint=tuple(params["entrypoint"]),
        env=tuple(params["env"]),
        whole=params["whole"],
        user=params["user"],
        home=params["home"],
        data=params["data"],
    )


def run(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module returns. Raises FairleadError."""
    recipe = recipe_from(params)
    with closing(Registry(params["registry"], params["push_auth"])) as registry:
        world = hands(recipe, registry, Archive(recipe.release))
        lines = converge(recipe, world, refresh=params["refresh"], check=check)
    said = "".join(f"{line}\n" for line in lines)
    return {
        "changed": bool(lines),
        "tag": recipe.tag,
        "lines": list(lines),
        "diff": {"before": "", "after": said},
    }


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
