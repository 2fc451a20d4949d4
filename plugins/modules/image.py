# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to ``image``, on the builder; the action plugin of the same name calls it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Find an app's image by its content, and make it if the registry lacks it
description:
  - >-
    On the controller, hash what the image is made from. On the builder, ask the registry for the tag that
    is this hash; only where it is missing, ship the build context, build, push. The answer is a digest.
  - >-
    What counts in a build context is paths, kinds, the executable bit, contents and where links lead, without
    what its C(.dockerignore) leaves out. A base image that moved under the same tag is not noticed; name
    bases by digest, or change something in the Dockerfile.
  - >-
    O(version) is one more tag of the same image. It moves, another content under the same version takes it
    along. Releases keep to digests, so nothing that runs changes by this.
  - >-
    O(image) names an image that exists, taken from the builder's engine or pulled by it, then pushed to our
    registry under the app's name. It is taken once for each reference, so a moving tag stays what it was.
    C(REGISTRY/NAME:TAG) names one that our registry has already; that is only looked up.
  - >-
    A build gets the registry's address as build argument C(FAIRLEAD_REGISTRY), for a base such as
    C(FROM ${FAIRLEAD_REGISTRY}/NAME).
author:
  - The Fairlead maintainers
requirements:
  - python3-docker
attributes:
  check_mode:
    description: The registry is asked, nothing is made; the digest then is C(sha256:) and 64 zeros.
    support: full
  diff_mode:
    description: One line for each tag that is made or moved.
    support: full
options:
  app:
    description: The app's name, which is also the image's.
    type: str
    required: true
  apps:
    description: The directory of app files; what is built, and O(version), are read from the app's file.
    type: path
  context:
    description: The build context, a directory of the controller with a Dockerfile.
    type: path
  dockerfile:
    description: Which Dockerfile, a path inside the context.
    type: str
    default: Dockerfile
  target:
    description: The stage to end with; the last one unless given.
    type: str
  args:
    description: >-
      Build arguments. What a step does with them stays in its layer, and they in the builder's cache, so they
      are for no secrets.
    type: dict
    default: {}
  image:
    description: An image that exists, C(NAME[:TAG]), C(NAME@DIGEST) or C(REGISTRY/NAME[:TAG]).
    type: str
  registry:
    description: The registry's C(HOST:PORT).
    type: str
    required: true
  version:
    description: One more tag.
    type: str
  secrets:
    description: >-
      Names of the app's secrets that steps may read while they run, C(RUN --mount=type=secret,id=NAME), in
      C(/run/secrets/NAME). No layer, log or label has their values.
    type: list
    elements: str
    default: []
  fresh:
    description: Make it anew, from today's bases and without any cache; the content tag then moves.
    type: bool
    default: false
  source:
    description: >-
      Where what is built comes from, for the labels C(org.opencontainers.image.source), C(revision) and
      C(created); the action plugin gives it.
    type: dict
    default: {}
  build_secrets:
    description: The values of O(secrets); the action plugin gives them.
    type: dict
    default: {}
  tag:
    description: The content tag; the action plugin gives it.
    type: str
  parcel:
    description: What the packed context is made of; the action plugin gives it.
    type: dict
  packed:
    description: Where the pieces are that the builder lacked; the action plugin gives it.
    type: path
  whole:
    description: Whether O(packed) has all pieces.
    type: bool
    default: false
  run:
    description: What the log of the build is named after; the action plugin gives it.
    type: str
    default: ""
extends_documentation_fragment: fairlead.paas.account.pushing
"""

EXAMPLES = r"""
- name: Build the image, unless the registry has it
  fairlead.paas.image:
    apps: "{{ playbook_dir }}/../apps"
    app: shop
    registry: "{{ fairlead_registry }}"
    push_auth: "{{ fairlead_registry_push }}"
  delegate_to: "{{ groups.builders | first }}"
  become: true
"""

RETURN = r"""
image:
  description: The image by its digest, C(REGISTRY/APP@sha256:…).
  returned: success
  type: str
tag:
  description: The content tag.
  returned: success
  type: str
predicted:
  description: Whether the digest stands for an image that check mode did not make.
  returned: success
  type: bool
"""

from contextlib import closing
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import converge
from ansible_collections.fairlead.paas.plugins.module_utils.image.parcel import Parcel, Shipment
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import OPTIONS, Recipe
from ansible_collections.fairlead.paas.plugins.module_utils.image.wanted import Wanted
from ansible_collections.fairlead.paas.plugins.module_utils.leash import end_with_the_run
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

ARGUMENTS = {
    "app": TEXT,
    "registry": TEXT,
    "tag": TEXT,
    "parcel": {"type": "dict"},
    "packed": {"type": "path"},
    "whole": {"type": "bool", "default": False},
    "run": {"type": "str", "default": ""},
    **OPTIONS,
    "image": {"type": "str"},
    "version": {"type": "str"},
    "fresh": {"type": "bool", "default": False},
    "source": {"type": "dict", "default": {}},
    "build_secrets": {"type": "dict", "default": {}, "no_log": True},
    "push_auth": {"type": "dict", "options": ACCOUNT},
}


def wanted_from(params: dict[str, Any]) -> Wanted:
    """Return the wanted image that the module's parameters are."""
    said = {"version": params["version"], **params["source"]}
    return Wanted(
        app=params["app"],
        registry=params["registry"],
        tag=params["tag"],
        version=params["version"],
        context=_shipment(params),
        recipe=Recipe.of(params),
        image=params["image"],
        labels={f"org.opencontainers.image.{name}": value for name, value in said.items() if value},
        run=params["run"],
        fresh=params["fresh"],
        secrets=params["build_secrets"],
        auth=params["push_auth"],
    )


def _shipment(params: dict[str, Any]) -> Shipment | None:
    if not params["parcel"]:
        return None
    sent = Path(params["packed"]) if params["packed"] else None
    return Shipment(Parcel.from_dict(params["parcel"]), sent, params["whole"])


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    end_with_the_run()
    wanted = wanted_from(module.params)
    try:
        with closing(Registry(wanted.registry, wanted.auth)) as registry:
            outcome = converge(wanted, registry, connect, check=module.check_mode)
    except FairleadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(tag=wanted.tag, **outcome.as_dict())


if __name__ == "__main__":
    main()
