# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to ``containers/task``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: task
short_description: Run a command once, in a container of a release that is no instance
description:
  - >-
    Starts one container with a release's image, environment, secrets and limits, without a published port,
    waits for its end and removes it, whatever its end was. A command that runs too long is stopped.
  - Containers that an earlier task of the app has left because it was killed are removed first.
author:
  - The Fairlead maintainers
requirements:
  - python3-docker
attributes:
  check_mode:
    description: Nothing is run and nothing is removed.
    support: full
  diff_mode:
    description: What would be removed and what would be run, one line each.
    support: full
options:
  app:
    description: The app whose command this is.
    type: str
    required: true
  node:
    description: The node's name, for messages.
    type: str
    required: true
  address:
    description: The node's private address, which the command finds as C(HOST_IP).
    type: str
    required: true
  name:
    description: The container's name, C(shop.release-v3).
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
  deadline:
    description: Seconds after which a command that has not ended is stopped.
    type: float
    default: 600.0
  secrets:
    description: Values of the secrets that the spec names.
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
- name: Run the release command
  fairlead.paas.task:
    app: shop
    node: n1
    address: 198.18.0.11
    name: shop.release-v3
    release: 3
    spec: "{{ spec | combine({'command': ['python3', '-m', 'shop.migrate']}) }}"
    deadline: 600
    secrets: "{{ fairlead_secrets.shop }}"
    registry_auth: "{{ fairlead_registry_pull }}"
  become: true
"""

RETURN = r"""
rc:
  description: The exit code; null when the command was stopped or removed before its end.
  returned: when it was started
  type: int
logs:
  description: Its last log lines.
  returned: when it was started
  type: list
  elements: str
removed:
  description: Names of the containers that an earlier task had left.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Spec
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.task import (
    Task,
    TaskFailed,
    begin,
    finish,
    leftovers,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fence import fenced
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT

ARGUMENTS = {
    **dict.fromkeys(("app", "node", "address", "name"), TEXT),
    "release": {"type": "int", "required": True},
    "spec": {"type": "dict", "required": True},
    "deadline": {"type": "float", "default": 600.0},
    "token": {"type": "int"},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "require_signed": {"type": "bool", "default": False},
    "registry_auth": {"type": "dict", "options": ACCOUNT},
}


def task_from(params: dict[str, Any]) -> Task:
    """Return the task that the module's parameters are."""
    given = {key: value for key, value in params.items() if key != "token"}
    secrets = {name: str(value) for name, value in params["secrets"].items()}
    return Task(**given | {"spec": Spec.from_dict(params["spec"]), "secrets": secrets})


def run(module: AnsibleModule) -> None:
    """Remove what is left of earlier tasks, run the command, and wait for its end; no more in check mode."""
    task, engine = task_from(module.params), connect()
    # The fence is not held while the command runs: a newer run need not wait for it, and removes it.
    with fenced(task.app, None if module.check_mode else module.params["token"]):
        clear = leftovers(engine, task.app)
        container = "" if module.check_mode else begin(engine, task, clear)
    names = [present.name for present in clear]
    lines = [*(f"- {name} clear away\n" for name in names), f"+ {task.name} run\n"]
    said = {"removed": names, "diff": {"prepared": "".join(lines)}}
    if module.check_mode:
        module.exit_json(changed=True, **said)
    try:
        module.exit_json(changed=True, rc=0, logs=finish(engine, task, container), **said)
    except TaskFailed as error:
        module.fail_json(msg=str(error), rc=error.code, logs=error.logs, changed=True)


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        run(module)
    except FairleadError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
