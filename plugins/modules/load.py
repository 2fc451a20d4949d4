# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the loading of a bundle, on a builder."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load
short_description: Bring the images of a bundle into the registry
description:
  - Checks a bundle whole, then pushes what the registry lacks under the same names, digests and tags, and
    signs its images with this builder's key.
  - In a playbook, an action of the same name takes O(file), O(apps), O(force), O(registry) and O(push_auth).
    It checks the bundle on the controller before any machine is touched, and puts the app file into O(apps).
options:
  file:
    description: The bundle on the controller. For the action.
    type: path
  apps:
    description: The directory of app files. For the action.
    type: path
  force:
    description: Whether an app file that is there and differs is replaced. For the action.
    type: bool
    default: false
  path:
    description: The bundle on this machine; without it, it is only said what the registry lacks of O(images).
    type: path
  images:
    description: The images in it, as C(Image) in C(module_utils/bundle/contents.py). The action gives it.
    type: list
    elements: dict
    default: []
  registry:
    description: The registry's C(HOST:PORT).
    type: str
    required: true
  push_auth:
    required: true
extends_documentation_fragment: fairlead.paas.account.pushing
attributes:
  check_mode:
    description: The registry is asked, nothing is sent or pushed.
    support: full
  diff_mode:
    description: One line for each image that is pushed, and the app file's changes.
    support: full
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Load a bundle
  fairlead.paas.load:
    file: shop-v3.bundle
    apps: "{{ apps }}"
    registry: "{{ fairlead_registry }}"
    push_auth: "{{ fairlead_registry_push }}"
  become: true
"""

RETURN = r"""
pushed:
  description: The images that were pushed, or lack in the registry, C(NAME@DIGEST).
  returned: success
  type: list
  elements: str
"""

from contextlib import closing
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import Image
from ansible_collections.fairlead.paas.plugins.module_utils.bundle.packing import lacking, unpack
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path"},
    "images": {"type": "list", "elements": "dict", "default": []},
    "registry": TEXT,
    "push_auth": {"type": "dict", "required": True, "options": ACCOUNT},
}


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    path = module.params["path"]
    try:
        with closing(Registry(module.params["registry"], module.params["push_auth"])) as registry:
            if path and not module.check_mode:
                pushed = unpack(registry, Path(path))
            else:
                images = [Image(**{**each, "tags": tuple(each["tags"])}) for each in module.params["images"]]
                pushed = lacking(registry, images)
    except FairleadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(pushed), pushed=pushed)


if __name__ == "__main__":
    main()
