# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the making of a bundle, on a machine that reaches the registry."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle
short_description: Write one release of an app, with its images, into a file
description:
  - Streams images from the registry into a bundle, with what is attached to them, such as signatures. The
    same release makes the same file, byte by byte.
  - In a playbook, an action of the same name takes O(app), O(number), O(releases), O(apps), O(out), O(also),
    O(registry) and O(registry_auth), has the bundle made on the task's host, and brings it to the controller.
options:
  path:
    description: The file; it belongs to the owner of its directory. The action gives it.
    type: path
  app:
    description: The app.
    type: str
    required: true
  number:
    description: Which release, C(v3) or C(3); the active one unless given. For the action.
    type: str
    default: ""
  releases:
    description: What the ledger has of the app. For the action.
    type: list
    elements: dict
    default: []
  apps:
    description: The directory of app files. For the action.
    type: path
  out:
    description: The file on the controller. For the action.
    type: path
  also:
    description: Images of the registry to take along, C(NAME:TAG), such as bases for builds over there.
    type: list
    elements: str
    default: []
  release:
    description: What the bundle says of the release. The action gives it.
    type: dict
    default: {}
  secrets:
    description: The names of the secrets that the app needs. The action gives it.
    type: list
    elements: str
    default: []
  images:
    description: The images, C(NAME@DIGEST) or C(NAME:TAG). The action gives it.
    type: list
    elements: str
    default: []
  app_file:
    description: The app file. The action gives it.
    type: str
  registry:
    description: The registry's C(HOST:PORT).
    type: str
    required: true
extends_documentation_fragment: fairlead.paas.account.pulling
attributes:
  check_mode:
    description: Nothing is written, and the registry is not asked.
    support: full
  diff_mode:
    description: No machine changes, so there is nothing to show.
    support: none
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Make a bundle of the active release
  fairlead.paas.bundle:
    app: shop
    releases: "{{ read.releases }}"
    apps: "{{ apps }}"
    out: shop-v3.bundle
    registry: "{{ fairlead_registry }}"
    registry_auth: "{{ fairlead_registry_pull }}"
"""

RETURN = r"""
images:
  description: The images in it, C(NAME@DIGEST).
  returned: success, when it was written
  type: list
  elements: str
"""

import os
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.packing import pack
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

TEXTS = {"type": "list", "elements": "str", "default": []}
ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "app": TEXT,
    "release": {"type": "dict", "required": True},
    "secrets": {**TEXTS, "no_log": False},
    "images": TEXTS,
    "app_file": TEXT,
    "registry": TEXT,
    "registry_auth": {"type": "dict", "options": ACCOUNT},
}


def bundle(registry: Registry, params: dict[str, Any]) -> list[str]:
    """Write the bundle; return its images. Raises FairleadError, OSError."""
    path = Path(params["path"])
    head = {name: params[name] for name in ("app", "release", "secrets")}
    made = pack(registry, path, head, params["images"], params["app_file"])
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
    return [f"{image.name}@{image.digest}" for image in made.images]


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False)
    try:
        with closing(Registry(module.params["registry"], module.params["registry_auth"])) as registry:
            images = bundle(registry, module.params)
    except FairleadError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{module.params['path']}: cannot be written: {error.strerror}")
    else:
        module.exit_json(changed=False, images=images)


if __name__ == "__main__":
    main()
