# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back from a rollout that failed on its way."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Spec
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table

from .plan import Plan
from .rollout import ByNode, Phase, by_node
from .tables import build_table


@dataclass(frozen=True)
class Undo:
    """Start again what was stopped, route as before, remove what was started; in this order.

    ``stop``: what was started and must have stopped before that: it writes to the same volume, or has the
    same port. ``resume``: node name → ``{container, health}``. ``table``: None where nothing has to be
    undone. ``remove``: node name → container names, also of containers that may never have come to be.
    """

    resume: ByNode
    table: Table | None
    remove: ByNode
    stop: ByNode = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for playbooks, as it comes back from JSON."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data


def standing_table(app: str, before: Configuration | None, fleet: Fleet) -> Table:
    """Return what the routers had before the rollout; ``before`` is the active release's configuration.

    None if there was no release: the app was not routed.
    """
    return build_table(before, fleet, fleet.of_app(app)) if before else Table(app)


def undo(
    made: Plan, phases: tuple[Phase, ...], failed: int, before: Configuration | None, fleet: Fleet
) -> Undo:
    """Return the way back when the phase of index ``failed`` of a plan did not succeed and all before it did.

    ``before`` is the active release's configuration, None if there was none. From a phase that removes there
    is no way back, and no need for one: everything new is up and routed. Then nothing is undone. Nothing
    returns to what a killed run has started as its canary.
    """
    if failed >= len(phases) or phases[failed].remove:
        return Undo({}, None, {})
    done = phases[: failed + 1]
    return Undo(
        resume=_resume(_stopped(done, fleet), before),
        table=standing_table(made.app, before, _without(made.untried, fleet)),
        remove=_started(done, made.untried),
        stop=_alone(done),
    )


def _stopped(done: Iterable[Phase], fleet: Fleet) -> Iterable[Instance]:
    observed = {instance.container: instance for instance in fleet.instances}
    items = (item for phase in done for items in phase.stop.values() for item in items)
    return (observed[item["container"]] for item in items)


def _resume(stopped: Iterable[Instance], before: Configuration | None) -> ByNode:
    processes = before.processes if before else ()
    health = {process.name: process.health.as_dict() for process in processes if process.health}
    return by_node((i, {"container": i.container, "health": health.get(i.slot.process)}) for i in stopped)


def _alone(done: Iterable[Phase]) -> ByNode:
    """Return what was started and must not run beside what comes back."""
    nodes: dict[str, list[Any]] = {}
    for phase in done:
        for node, items in phase.start.items():
            for item in items:
                spec = Spec.from_dict(item["spec"])
                if spec.alone:
                    stop = {"container": item["name"], "timeout": spec.stop_timeout}
                    nodes.setdefault(node, []).append(stop)
    return {node: tuple(found) for node, found in sorted(nodes.items())}


def _without(some: Collection[Instance], fleet: Fleet) -> Fleet:
    return replace(fleet, instances=tuple(one for one in fleet.instances if one not in some))


def _started(done: Iterable[Phase], before: Iterable[Instance]) -> ByNode:
    nodes: dict[str, tuple[str, ...]] = dict(by_node((it, it.container) for it in before))
    for phase in done:
        for node, items in phase.start.items():
            nodes[node] = nodes.get(node, ()) + tuple(item["name"] for item in items)
    return dict(sorted(nodes.items()))
