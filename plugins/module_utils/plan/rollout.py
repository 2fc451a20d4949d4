# SPDX-License-Identifier: GPL-3.0-or-later
"""From a plan to phases: what every node does at once, then what every router does, again and again.

A step of a plan becomes a phase: stop what the routers have let go of, start what is new and wait for its
health, then route. The stops of step k and the starts of step k+1 are one phase. What is replaced is only
stopped, so that it can be started again; the last phase removes it. There is no way back from the last phase.

The step of a canary lets go of nothing until its release has been tried: it is one phase more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Process, Spec
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table

from .canary import Chosen, Trial
from .plan import Action, Plan
from .tables import build_table

ByNode = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Phase:
    """One pass over all nodes, which stop, then start, then remove; then one over all routers.

    Node name → items, as the node's module takes them. ``table``: None if the routers have it already. With a
    ``canary`` the phase is over when the release has been tried.
    """

    stop: ByNode = field(default_factory=dict)
    start: ByNode = field(default_factory=dict)
    table: Table | None = None
    remove: ByNode = field(default_factory=dict)
    canary: Trial | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for playbooks, as it comes back from JSON."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data


@dataclass(frozen=True)
class _Step:
    """The instances that a step routes out and stops before its starts, starts, and routes out after."""

    before: tuple[Instance, ...] = ()
    starts: tuple[Instance, ...] = ()
    after: tuple[Instance, ...] = ()


def rollout(
    plan: Plan, configuration: Configuration, fleet: Fleet, before: Configuration | None = None
) -> tuple[Phase, ...]:
    """Return the phases that carry out a plan: none if no container is touched.

    Of several phases at least one has a table, and the last table is the ``final_table``. For a removal, give
    the configuration ``Configuration(app, ())``. ``before`` is the active release's, None if there was none.
    """
    return _Rollout(plan, configuration, fleet, before).phases()


def final_table(plan: Plan, configuration: Configuration, fleet: Fleet) -> Table:
    """Return what the routers shall have when all is done, also when there is nothing to do on the nodes."""
    return build_table(configuration, fleet, filter(None, (action.after for action in plan.actions)))


class _Rollout:
    def __init__(
        self, plan: Plan, configuration: Configuration, fleet: Fleet, before: Configuration | None
    ) -> None:
        self.plan, self.configuration, self.fleet = plan, configuration, fleet
        self.checks = {process.name: process.health for process in before.processes} if before else {}
        self.to_come = {action.slot.process for action in plan.actions if action.new}
        self.processes = {process.name: process for process in configuration.processes}
        running = (action.old for action in plan.actions if action.old and action.old.running)
        self.serving = {instance.container: instance for instance in running}
        self.routed: Table | None = None

    def phases(self) -> tuple[Phase, ...]:
        """Walk the steps; each table already lets go of what the next step stops before its starts."""
        steps = self._steps()
        if not steps:
            return ()
        canary, trying = self.plan.canary, self._starts_canary(steps[0])
        phases = [self._canary(canary, Phase(), _Step())] if canary and not trying else []
        phases += self._leading(steps[0])
        pending: tuple[Instance, ...] = ()
        for number, step in enumerate(steps, 1):
            next_before = steps[number].before if number < len(steps) else ()
            phase = Phase(self._stop(pending + step.before), self._start(step.starts))
            if canary and trying and number == 1:
                phases.append(self._canary(canary, phase, step))
                phase = Phase()
            table = self._route(step.starts, step.before + step.after + next_before)
            phases.append(replace(phase, table=table))
            pending = step.after
        return (*self._finish(phases, steps[-1], pending),)

    def _starts_canary(self, first: _Step) -> bool:
        """Say whether the first step is the canary's, or a killed run has started all of it."""
        slots = self.plan.canary.slots if self.plan.canary else ()
        return any(instance.slot in slots for instance in first.starts)

    def _canary(self, chosen: Chosen, phase: Phase, step: _Step) -> Phase:
        """Return the phase in which new instances serve beside the others, with no more than their share."""
        self._serve(step.starts, step.before)
        trial = chosen.trial(filter(None, (action.after for action in self.plan.actions)))
        self.routed = trial.shared_out(self._table())
        return replace(phase, table=self.routed, canary=trial)

    def _steps(self) -> list[_Step]:
        by_step: dict[int, list[Action]] = defaultdict(list)
        for action in self.plan.actions:
            if action.kind != "keep":
                by_step[action.step].append(action)
        return [_step(actions) for _, actions in sorted(by_step.items())]

    def _leading(self, first: _Step) -> list[Phase]:
        """Return the phase that only routes, where something has to be let go of before the first step."""
        if first.starts and not any(instance.port for instance in first.before):
            return []
        return [Phase(table=self._route((), first.before))]

    def _finish(self, phases: list[Phase], last: _Step, pending: tuple[Instance, ...]) -> list[Phase]:
        """Return the phases with the one last that removes; a step that only stops becomes that one."""
        old = [action.old for action in self.plan.actions if action.old and action.kind != "keep"]
        remove = by_node((instance, instance.container) for instance in old)
        if not remove:
            return phases
        if not last.starts:
            return [*phases[:-1], Phase(stop=phases[-1].stop, remove=remove)]
        return [*phases, Phase(stop=self._stop(pending), remove=remove)]

    def _route(self, start: Collection[Instance], stop: Iterable[Instance]) -> Table | None:
        self._serve(start, stop)
        table = self._table()
        if table == self.routed:
            return None
        self.routed = table
        return table

    def _serve(self, start: Iterable[Instance], stop: Iterable[Instance]) -> None:
        for instance in start:
            self.serving[instance.container] = instance
            self.to_come.discard(instance.slot.process)
        for instance in stop:
            self.serving.pop(instance.container, None)

    def _table(self) -> Table:
        return build_table(self._checked(), self.fleet, self.serving.values())

    def _checked(self) -> Configuration:
        """Return the configuration with the checks of before where the old instances serve alone as yet."""
        processes = (
            replace(it, health=self.checks.get(it.name, it.health)) if it.name in self.to_come else it
            for it in self.configuration.processes
        )
        return replace(self.configuration, processes=tuple(processes))

    def _stop(self, instances: Iterable[Instance]) -> ByNode:
        return by_node((i, {"container": i.container, "timeout": self._timeout(i)}) for i in instances)

    def _timeout(self, instance: Instance) -> float:
        process = self.processes.get(instance.slot.process)
        return process.spec.stop_timeout if process else Spec.stop_timeout

    def _start(self, instances: Iterable[Instance]) -> ByNode:
        return by_node((i, _start_item(i, self.processes[i.slot.process])) for i in instances)


def _step(actions: Iterable[Action]) -> _Step:
    before: list[Instance] = []
    starts: list[Instance] = []
    after: list[Instance] = []
    for action in actions:
        if action.new:
            starts.append(action.new)
        if action.old and action.old.running:
            (after if action.new and not action.stop_first else before).append(action.old)
    return _Step(tuple(before), tuple(starts), tuple(after))


def _start_item(instance: Instance, process: Process) -> dict[str, Any]:
    return {
        "slot": asdict(instance.slot),
        "release": instance.release,
        "spec": process.spec.as_dict(),
        "spec_hash": instance.spec,
        "host_port": instance.port,
        "name": instance.name,
        "health": process.health.as_dict() if process.health else None,
    }


def by_node(items: Iterable[tuple[Instance, Any]]) -> ByNode:
    """Return the items of each instance's node together, in their order."""
    nodes: dict[str, list[Any]] = defaultdict(list)
    for instance, item in items:
        nodes[instance.node].append(item)
    return {node: tuple(found) for node, found in sorted(nodes.items())}
