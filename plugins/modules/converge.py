# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to ``containers``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Make one app's containers on one node what they shall be
description:
  - >-
    In this order: pull the images that are missing, make the volumes that are, start what shall start and
    wait until all of it is healthy, stop what shall stop, remove what shall go. With O(order=stop-first),
    stop before start.
  - >-
    What writes to a volume or has a port of its own never runs twice in one slot: what runs there stops
    first, whatever the order.
  - What is as wished already is left alone, so a second run changes nothing.
  - >-
    When an instance does not become healthy, nothing is stopped or removed any more; what was started stays
    for the caller to look at and to remove.
  - >-
    Until it was healthy, for as long as O(monitor) says, a container is not restarted when it dies; from
    then on its restart policy is C(unless-stopped).
author:
  - The Fairlead maintainers
requirements:
  - python3-docker
attributes:
  check_mode:
    description: What would change is read from the engine, and nothing is touched.
    support: full
  diff_mode:
    description: One line for each container and image, without values of the environment.
    support: full
options:
  app:
    description: The app whose containers these are; others are never touched.
    type: str
    required: true
  node:
    description: The node's name, for messages.
    type: str
    required: true
  address:
    description: The node's private address, on which ports are published and from which they are asked.
    type: str
    required: true
  start:
    description: Instances that shall run.
    type: list
    elements: dict
    default: []
    suboptions:
      slot:
        description: Which slot of which process.
        type: dict
        required: true
        suboptions:
          app:
            description: The app.
            type: str
            required: true
          process:
            description: The process.
            type: str
            required: true
          number:
            description: The number, from 1.
            type: int
            required: true
      name:
        description: The container's name, C(shop.web.1-v3).
        type: str
        required: true
      release:
        description: The release's number.
        type: int
        required: true
      spec:
        description: All that makes the container what it is, as C(Spec) in C(module_utils/configuration.py).
        type: dict
        required: true
      spec_hash:
        description: The hash of the spec.
        type: str
        required: true
      host_port:
        description: The port on O(address) that leads to the instance.
        type: int
      health:
        description: >-
          How it is asked whether it is healthy, as C(Health) in C(module_utils/configuration.py). Without it,
          or without a port, healthy is what keeps running for a second.
        type: dict
  resume:
    description: Containers that are there and shall run again, and be healthy before anything is stopped.
    type: list
    elements: dict
    default: []
    suboptions:
      container:
        description: Id or name.
        type: str
        required: true
      health:
        description: How it is asked whether it is healthy.
        type: dict
  stop:
    description: Containers that shall stop and stay; those that are stopped or gone are fine.
    type: list
    elements: dict
    default: []
    suboptions:
      container:
        description: Id or name.
        type: str
        required: true
      timeout:
        description: Seconds after which it is killed.
        type: float
        default: 10.0
  remove:
    description: Ids or names of containers that shall be gone; those that run are stopped first.
    type: list
    elements: str
    default: []
  remove_volumes:
    description: Names of the app's volumes that shall be gone with all that is in them, after what had them.
    type: list
    elements: str
    default: []
  order:
    description: Whether to start before stopping, or to stop first.
    type: str
    choices: [start-first, stop-first]
    default: start-first
  deadline:
    description: Seconds within which all instances must be healthy, counted after the pulls.
    type: float
    default: 60.0
  monitor:
    description:
      - Seconds for which what was not up before must then stay healthy, all of it in the same time. One that
        dies, or fails as often in a row as its health's C(retries) say, fails the task.
      - It is restarted when it dies only after that.
    type: float
    default: 0.0
  configuration:
    description:
      - The release's configuration, as C(Configuration) in C(module_utils/configuration.py). What is created
        carries it as a label, from which M(fairlead.paas.recover) rebuilds a ledger that was lost.
      - Nothing is compared with it, for what is kept may be of an earlier release.
    type: dict
  secrets:
    description: Values of the secrets that the specs name.
    type: dict
    default: {}
  require_signed:
    description: >-
      Whether nothing is created of an image that none of the machine's trusted signers, in
      C(/etc/fairlead/signers), has signed.
    type: bool
    default: false
extends_documentation_fragment: [fairlead.paas.fencing, fairlead.paas.account.pulling]
"""

EXAMPLES = r"""
- name: Start one instance, then stop the one it replaces
  fairlead.paas.converge:
    app: shop
    node: n1
    address: 198.18.0.11
    start:
      - slot: {app: shop, process: web, number: 1}
        name: shop.web.1-v2
        release: 2
        spec: "{{ spec }}"
        spec_hash: 3f2a9c0e11d2b4a5
        host_port: 25702
        health: {path: /_ping, interval: 2, timeout: 1, retries: 3, start_period: 10}
    stop:
      - {container: shop.web.1-v1, timeout: 20}
    secrets: "{{ fairlead_secrets.shop }}"
    registry_auth: "{{ fairlead_registry_pull }}"
  become: true
"""

RETURN = r"""
healthy:
  description: What is healthy now of O(start) and O(resume); C(slot), C(name) and C(container) of each.
  returned: success
  type: list
  elements: dict
started:
  description: Names of the containers that were started, or would be in check mode; also on failure.
  returned: always
  type: list
  elements: str
stopped:
  description: Names of the containers that were stopped.
  returned: success
  type: list
  elements: str
removed:
  description: Names of the containers that were removed.
  returned: success
  type: list
  elements: str
removed_volumes:
  description: Names of the volumes that were removed.
  returned: success
  type: list
  elements: str
pulled:
  description: Images that were pulled.
  returned: success
  type: list
  elements: str
failed_instances:
  description: What did not become healthy; C(slot), C(name), C(why) and the last C(logs) of each.
  returned: failure
  type: list
  elements: dict
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Health
from ansible_collections.fairlead.paas.plugins.module_utils.containers.arguments import Start
from ansible_collections.fairlead.paas.plugins.module_utils.containers.converge import (
    Plan,
    act,
    inspect,
    result,
)
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.instances import InstancesFailed
from ansible_collections.fairlead.paas.plugins.module_utils.containers.work import Wish
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fence import fenced
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.packing import packed

NUMBER = {"type": "int", "required": True}
SLOT = {"app": TEXT, "process": TEXT, "number": NUMBER}
START = {
    "slot": {"type": "dict", "required": True, "options": SLOT},
    "name": TEXT,
    "release": NUMBER,
    "spec": {"type": "dict", "required": True},
    "spec_hash": TEXT,
    "host_port": {"type": "int"},
    "health": {"type": "dict"},
}
STOP = {"container": TEXT, "timeout": {"type": "float", "default": 10.0}}
ARGUMENTS = {
    "app": TEXT,
    "node": TEXT,
    "address": TEXT,
    "start": {"type": "list", "elements": "dict", "default": [], "options": START},
    "resume": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"container": TEXT, "health": {"type": "dict"}},
    },
    "stop": {"type": "list", "elements": "dict", "default": [], "options": STOP},
    "remove": {"type": "list", "elements": "str", "default": []},
    "remove_volumes": {"type": "list", "elements": "str", "default": []},
    "order": {"type": "str", "choices": ["start-first", "stop-first"], "default": "start-first"},
    "deadline": {"type": "float", "default": 60.0},
    "monitor": {"type": "float", "default": 0.0},
    "configuration": {"type": "dict"},
    "token": {"type": "int"},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "require_signed": {"type": "bool", "default": False},
    "registry_auth": {"type": "dict", "options": ACCOUNT},
}


def wish_from(params: dict[str, Any]) -> Wish:
    """Return the wish that the module's parameters are."""
    return Wish(
        app=params["app"],
        node=params["node"],
        address=params["address"],
        start=tuple(Start.from_dict(start) for start in params["start"]),
        resume={item["container"]: _health(item["health"]) for item in params["resume"]},
        stop={item["container"]: item["timeout"] for item in params["stop"]},
        remove=tuple(params["remove"]),
        remove_volumes=tuple(params["remove_volumes"]),
        order=params["order"],
        deadline=params["deadline"],
        monitor=params["monitor"],
        configuration=packed(params["configuration"]) if params["configuration"] else "",
        secrets={name: str(value) for name, value in params["secrets"].items()},
        registry_auth=params["registry_auth"],
        require_signed=params["require_signed"],
    )


def _health(health: dict[str, Any] | None) -> Health | None:
    return Health(**health) if health else None


def converge(module: AnsibleModule) -> None:
    """Inspect, decide, and act unless in check mode."""
    wish = wish_from(module.params)
    engine = connect()
    if module.check_mode:
        plan = inspect(engine, wish)
        module.exit_json(changed=plan.work.changes, **_told(plan))
    with fenced(wish.app, module.params["token"]):
        plan = inspect(engine, wish)
        try:
            up = act(engine, wish, plan)
        except InstancesFailed as error:
            failed = [asdict(failure) for failure in error.failures]
            started = _told(plan)["started"]
            module.fail_json(msg=str(error), failed_instances=failed, started=started, changed=True)
    module.exit_json(changed=plan.work.changes, **{**_told(plan), **result(plan.work, up)})


def _told(plan: Plan) -> dict[str, Any]:
    return {**result(plan.work), "diff": {"prepared": "".join(f"{line}\n" for line in plan.work.lines())}}


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        converge(module)
    except FairleadError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
