# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that runs once, in a container of its own that is no instance: begun, waited for, removed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Spec
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import verify_image
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_duration
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from .arguments import Start, create_body
from .client import Auth, Engine
from .converge import remove
from .engine import EngineError, has_image, is_gone, pull, saying, unless_gone
from .instances import end_of, last_logs
from .work import Present

PROCESS = "release"  # what the command finds as PROCESS in its environment
_PAUSE = 0.2  # seconds between two looks whether it has ended


@dataclass(frozen=True)
class Task:
    """What is run, where, and for how many seconds at most."""

    app: str
    node: str
    address: str
    name: str  # the container's
    release: int
    spec: Spec
    deadline: float
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    registry_auth: Auth = field(default=None, repr=False)
    require_signed: bool = False  # whether it is not run in an image that no builder of ours has signed

    def __str__(self) -> str:
        """Return how messages call it."""
        return f"the release command of {self.app} on node {self.node}"


class TaskFailed(FairleadError):
    """The command failed or did not end in time; ``logs`` are its last lines."""

    def __init__(self, task: Task, why: str, code: int | None, logs: tuple[str, ...]) -> None:
        """Keep the exit code, if it has one; the message ends with the last log lines."""
        self.code, self.logs = code, logs
        head = f"{task} {why}; " + ("its last log lines:" if logs else "it logged nothing")
        super().__init__("\n".join([head, *logs]))


def leftovers(engine: Engine, app: str) -> list[Present]:
    """Return the containers of an app's earlier commands: of runs that were killed, for others leave none."""
    with saying("the Docker engine of this machine does not answer"):
        listed = map(Present.from_list, engine.containers(all=True))
    return [present for present in listed if present.labels.get(labels.TASK) == app]


def begin(engine: Engine, task: Task, clear: list[Present]) -> str:
    """Remove leftovers and start the command; return its container. Raises FairleadError, leaving nothing."""
    body = task_body(task)
    if task.require_signed:
        _verify(task)
    for present in clear:
        remove(engine, present)
    if not has_image(engine, task.spec.image):
        pull(engine, task.spec.image, task.registry_auth)
    with saying(f"{task} cannot be created"):
        container: str = engine.create_container_from_config(body, name=task.name)["Id"]
    try:
        with saying(f"{task} did not start"):
            engine.start(container)
    except EngineError:
        _discard(engine, container)
        raise
    return container


def finish(engine: Engine, task: Task, container: str) -> tuple[str, ...]:
    """Wait for the command's end and remove its container; return its last log lines. Raises TaskFailed."""
    try:
        return _wait(engine, task, container)
    except EngineError as error:
        if is_gone(error):
            raise TaskFailed(task, "was removed by someone before it had ended", None, ()) from error
        raise
    finally:
        _discard(engine, container)


def task_body(task: Task) -> dict[str, Any]:
    """Return the body of the create call: an instance's, but with labels by which nobody takes it for one."""
    start = Start(Slot(task.app, PROCESS, 1), task.name, task.release, task.spec, task.spec.hash())
    own = {labels.TASK: task.app, labels.RELEASE: str(task.release)}
    return create_body(start, task.address, task.secrets) | {"Labels": own}


def _verify(task: Task) -> None:
    try:
        verify_image(task.spec.image, task.registry_auth)
    except FairleadError as error:
        raise FairleadError(f"{task} did not start: {error}") from error


def _wait(engine: Engine, task: Task, container: str) -> tuple[str, ...]:
    deadline = Deadline(task.deadline)
    in_time = deadline.until(lambda: not _state(engine, task, container)["Running"], _PAUSE)
    if not in_time:
        with saying(f"{task} cannot be stopped"):
            engine.stop(container, timeout=math.ceil(task.spec.stop_timeout))
    state, logs = _state(engine, task, container), last_logs(engine, container)
    if not in_time:
        raise TaskFailed(task, f"had not ended after {format_duration(task.deadline)}", None, logs)
    if state["ExitCode"]:
        raise TaskFailed(task, end_of(state), state["ExitCode"], logs)
    return logs


def _state(engine: Engine, task: Task, container: str) -> Mapping[str, Any]:
    with saying(f"{task} cannot be inspected"):
        state: Mapping[str, Any] = engine.inspect_container(container)["State"]
    return state


def _discard(engine: Engine, container: str) -> None:
    with unless_gone(f"container {container} cannot be removed"):
        engine.remove_container(container, v=True, force=True)
