# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the pruning of one place: an engine, or the registry."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prune
short_description: Remove the images that nothing needs, from an engine or from the registry
description:
  - Of an engine, images of our registry go that no container has, and no kept release of an app that stands
    on this node, or on a builder of any app. On a builder build cache goes too that nothing has used for a
    while. Images that are not of our registry are never touched.
  - Of the registry, images go with all their tags and with what is attached to them. Then garbage is
    collected, while the registry is read-only and serves pulls.
  - What is younger than a grace stays. So does all of an app that somebody changes just now. Garbage stays as
    long as a push seems to be under way.
  - In a playbook, an action of the same name takes O(place), O(apps), O(kept), O(grace), O(cache), O(rooms)
    and O(skip_unreachable), and gives the module its part.
author:
  - The Fairlead maintainers
requirements:
  - python3-docker, for O(engine)
attributes:
  check_mode:
    description: Predicts what goes exactly. Bytes of an engine are those that no other image shares.
    support: full
  diff_mode:
    description: One line for each image that goes.
    support: full
options:
  place:
    description: What the action prunes on the task's host.
    type: str
    choices: [engine, registry]
  apps:
    description: The directory of app files; what they name of our registry stays. For the action.
    type: path
  kept:
    description: What M(fairlead.paas.ledger) returned for V(images). For the action.
    type: dict
  grace:
    description: How long what was pushed stays, whether it is needed or not, such as V(24h). For the action.
    type: str
    default: 24h
  cache:
    description: How long build cache stays that nothing uses, such as V(7d). For the action.
    type: str
    default: 7d
  rooms:
    description: >-
      Images, C(NAME) or C(PREFIX/*), of which every tag stays that is no content tag. For the action.
    type: list
    elements: str
    default: []
  skip_unreachable:
    description: >-
      Whether to prune the registry without knowing what runs on nodes that do not answer. For the action.
    type: bool
    default: false
  engine:
    description: Prune this machine's engine.
    type: dict
    suboptions:
      registry:
        description: Our registry, C(HOST:PORT).
        type: str
        required: true
      needed:
        description: The images of kept releases.
        type: list
        elements: dict
        default: []
        suboptions:
          app:
            description: Whose.
            type: str
            required: true
          image:
            description: C(NAME@DIGEST).
            type: str
            required: true
      busy:
        description: The apps that somebody changes just now.
        type: list
        elements: str
        default: []
      builder:
        description: Whether this machine is a builder.
        type: bool
        default: false
      rooms:
        description: As O(rooms).
        type: list
        elements: str
        default: []
      cache:
        description: Seconds for which build cache stays that nothing uses.
        type: float
        default: 604800
  registry:
    description: Prune the registry on this machine.
    type: dict
    suboptions:
      images:
        description: What is needed, C(NAME@DIGEST) or C(NAME:TAG), and why.
        type: dict
        default: {}
      busy:
        description: The apps that somebody changes just now, and who.
        type: dict
        default: {}
      apps:
        description: The apps that have a file or are active; what builders cache for them stays.
        type: list
        elements: str
        default: []
      rooms:
        description: As O(rooms).
        type: list
        elements: str
        default: []
      grace:
        description: Seconds for which what was pushed stays.
        type: float
        default: 86400
      address:
        description: Where the registry itself listens, behind its front.
        type: str
        default: 127.0.0.1:5001
      settings:
        description: Its file of settings.
        type: path
        default: /etc/docker/registry/config.yml
      storage:
        description: Where it keeps images.
        type: path
        default: /var/lib/docker-registry
      push_auth:
        description: The account that may delete.
        type: dict
        required: true
        suboptions:
          username:
            description: The account's name.
            type: str
            required: true
          password:
            description: The account's password.
            type: str
            required: true
"""

EXAMPLES = r"""
- name: Prune the engine
  fairlead.paas.prune:
    place: engine
    kept: "{{ kept }}"
  become: true
  register: seen
"""

RETURN = r"""
gone:
  description: The images that went, one a line.
  returned: success
  type: list
  elements: str
cache:
  description: How many entries of the build cache went.
  returned: with O(engine)
  type: int
freed:
  description: Bytes freed.
  returned: success
  type: int
used:
  description: The images of our registry that containers here were made from, C(NAME@DIGEST).
  returned: with O(engine)
  type: list
  elements: str
left:
  description: Bytes that the registry keeps.
  returned: with O(registry)
  type: int
put_off:
  description: Whether garbage stays until the next run, because a push seems to be under way.
  returned: with O(registry)
  type: bool
"""

import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT

LIST = {"type": "list", "elements": "str", "default": []}
NEEDED = {"app": TEXT, "image": TEXT}
ENGINE = {
    "registry": TEXT,
    "needed": {"type": "list", "elements": "dict", "default": [], "options": NEEDED},
    "busy": LIST,
    "builder": {"type": "bool", "default": False},
    "rooms": LIST,
    "cache": {"type": "float", "default": 7 * 24 * 3600.0},
}
REGISTRY = {
    "images": {"type": "dict", "default": {}},
    "busy": {"type": "dict", "default": {}},
    "apps": LIST,
    "rooms": LIST,
    "grace": {"type": "float", "default": 24 * 3600.0},
    "address": {"type": "str", "default": "127.0.0.1:5001"},
    "settings": {"type": "path", "default": "/etc/docker/registry/config.yml"},
    "storage": {"type": "path", "default": "/var/lib/docker-registry"},
    "push_auth": {"type": "dict", "required": True, "options": ACCOUNT},
}
SERVICE = "docker-registry"
STARTED_WITH = f"/run/fairlead/{SERVICE}.started-with"

# Each machine imports what it is asked for and no more.
# ruff: noqa: PLC0415


def _engine(asked: dict[str, Any], *, check: bool) -> dict[str, Any]:
    from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
    from ansible_collections.fairlead.paas.plugins.module_utils.registry.engines import (
        Needed,
        Wish,
        prune,
    )

    wish = Wish(
        registry=asked["registry"],
        needed=tuple(Needed(**each) for each in asked["needed"]),
        busy=frozenset(asked["busy"]),
        builder=asked["builder"],
        rooms=tuple(asked["rooms"]),
        cache=asked["cache"],
    )
    return prune(connect(), wish, time.time, check=check).as_dict()


def _registry(asked: dict[str, Any], *, check: bool) -> dict[str, Any]:
    from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry
    from ansible_collections.fairlead.paas.plugins.module_utils.registry.collecting import Service, prune
    from ansible_collections.fairlead.paas.plugins.module_utils.registry.pruning import Keep
    from ansible_collections.fairlead.paas.plugins.module_utils.registry.storage import Disk

    apps, rooms = frozenset(asked["apps"]), tuple(asked["rooms"])
    keep = Keep(asked["images"], asked["busy"], apps, rooms, asked["grace"])
    with closing(Registry(asked["address"], asked["push_auth"])) as registry:
        service = Service(Path(asked["settings"]), lambda: _restart(registry), _runs_with_its_settings)
        return prune(service, Disk(Path(asked["storage"])), registry, keep, check=check).as_dict()


def _runs_with_its_settings() -> bool:
    return _ran("sha256sum", "--check", "--status", STARTED_WITH).returncode == 0


def _restart(registry: Any) -> None:
    done = _ran("systemctl", "restart", f"{SERVICE}.service")
    if done.returncode != 0:
        raise FairleadError(f"the registry cannot be restarted: {done.stderr.strip()}")
    registry.wait_until_it_answers()


def _ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our words


def main() -> None:
    """Arguments, one call, exit."""
    parts = {"engine": (ENGINE, _engine), "registry": (REGISTRY, _registry)}
    module = AnsibleModule(
        argument_spec={name: {"type": "dict", "options": spec} for name, (spec, _) in parts.items()},
        required_one_of=[list(parts)],
        mutually_exclusive=[list(parts)],
        supports_check_mode=True,
    )
    name = next(name for name in parts if module.params[name] is not None)
    try:
        result = parts[name][1](module.params[name], check=module.check_mode)
    except FairleadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
