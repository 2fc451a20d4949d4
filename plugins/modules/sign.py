# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to signatures of images that were pushed before, or by a builder whose key is gone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sign
short_description: Sign images of our registry with this builder's key
description:
  - Adds a signature of this machine's key to each image that lacks it. Images are signed by themselves when
    they are pushed; this is for those from before, or of a key that is replaced.
  - Whoever calls it vouches for the digests. An image that the registry has not is passed over.
options:
  images:
    description: The images, C(REGISTRY/NAME@DIGEST); the registry that is written there does not count.
    type: list
    elements: str
    required: true
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
    description: One line for each image that is signed.
    support: full
requirements:
  - openssh-client
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Sign what kept releases have
  fairlead.paas.sign:
    images: "{{ kept.kept | map(attribute='image') | unique }}"
    registry: "{{ fairlead_registry }}"
    push_auth: "{{ fairlead_registry_push }}"
  become: true
"""

RETURN = r"""
signed:
  description: The images that got a signature, C(NAME@DIGEST).
  returned: success
  type: list
  elements: str
"""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import (
    Image,
    lacks_signature,
    sign_image,
)

ARGUMENTS: dict[str, Any] = {
    "images": {"type": "list", "elements": "str", "required": True},
    "registry": TEXT,
    "push_auth": {"type": "dict", "required": True, "options": ACCOUNT},
}


def sign(registry: Registry, images: Iterable[str], *, check: bool) -> list[str]:
    """Sign what lacks this machine's signature; return it. Raises FairleadError."""
    wanted = [Image.of(image)[1] for image in images]
    lacking = [
        image
        for image in wanted
        if registry.digest(image.name, image.digest) and lacks_signature(registry, image.name, image.digest)
    ]
    for image in lacking if not check else ():
        sign_image(registry, image.name, image.digest)
    return [str(image) for image in lacking]


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        with closing(Registry(module.params["registry"], module.params["push_auth"])) as registry:
            signed = sign(registry, module.params["images"], check=module.check_mode)
    except FairleadError as error:
        module.fail_json(msg=str(error))
    diff = {"prepared": "".join(f"+ signature of {image}\n" for image in signed)}
    module.exit_json(changed=bool(signed), signed=signed, diff=diff)


if __name__ == "__main__":
    main()
