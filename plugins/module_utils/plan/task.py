# SPDX-License-Identifier: GPL-3.0-or-later
"""The release command of a plan: where it runs before anything is switched, and as what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    ReleaseCommand,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import ACTIVE, Fleet
from ansible_collections.fairlead.paas.plugins.module_utils.placement import rooms_of

from .plan import Plan
from .rollout import ByNode


@dataclass(frozen=True)
class Task:
    """One container that runs once, as the module ``task`` takes it."""

    node: str
    name: str
    release: int
    spec: Spec
    deadline: float


def task_of(
    plan: Plan, configuration: Configuration, before: Configuration | None, fleet: Fleet
) -> Task | None:
    """Return the release command of a release, None if it has none or would do what the one before did.

    ``before`` is the active release's configuration. It runs on the node of the first new instance, else of
    one that stays, that has the memory for it beside what runs now, else of any that takes new instances;
    where none has, on the one with the most.
    """
    command, release = configuration.release, plan.release
    if command is None or release is None:
        return None
    spec = _spec(configuration, command)
    node = _node(plan, fleet, spec.memory)
    if node is None or (before and before.release and spec == _spec(before, before.release)):
        return None
    return Task(node, f"{plan.app}.release-v{release}", release, spec, command.deadline)


def leftovers_of(app: str, fleet: Fleet) -> ByNode:
    """Return node → containers in which release commands of killed runs ran, or still do."""
    ours = [left for left in fleet.leftovers if left.app == app]
    return {
        node: tuple(i.container for i in ours if i.node == node) for node in sorted({i.node for i in ours})
    }


def in_words(task: Task | None, leftovers: ByNode) -> Iterable[str]:
    """Yield lines as the plan prints them."""
    for node, containers in leftovers.items():
        yield f"  {node}"
        yield from (
            f"    - {container[:12]}  a release command that a killed run left" for container in containers
        )
    if task:
        yield f"  {task.node}"
        yield f"    + {task.name}  the release command, before anything is switched"


def _spec(configuration: Configuration, command: ReleaseCommand) -> Spec:
    """Return what the command runs as: as an instance of the process with the most memory would."""
    largest = max(configuration.processes, key=lambda process: (process.spec.memory, process.name))
    return replace(largest.spec, command=command.command, port=None, publish=None, volumes=(), generation=0)


def _node(plan: Plan, fleet: Fleet, memory: int) -> str | None:
    starts = sorted((action.step, action.slot, action.node) for action in plan.actions if action.new)
    stays = [action.node for action in plan.actions if action.kind == "keep"]
    others = [node.name for node in fleet.nodes if node.state == ACTIVE and not node.reserved_for]
    wanted = dict.fromkeys([*(node for *_, node in starts), *stays, *others])
    left = {name: room.memory for name, room in rooms_of(fleet).items()}
    roomy = (name for name in wanted if left[name] >= memory)
    return next(roomy, max(wanted, key=lambda name: left[name], default=None))
