# SPDX-License-Identifier: GPL-3.0-or-later
"""Where all instances of all apps stand in the end, on one board. What stands well stays.

The way there is not asked about: a deploy goes it step by step, and may need room beside what still runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Process
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    Board,
    Choice,
    Demand,
    Shape,
    displacement,
    place,
    refusal,
    rooms_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key
from ansible_collections.fairlead.paas.plugins.module_utils.plan.reconcile import Need, Reconciled, reconcile

Kind = Literal["move", "start", "replace", "stop"]


@dataclass(frozen=True, order=True)
class Change:
    """What has to happen to one slot. ``before`` and ``after`` are nodes, None where it does not stand."""

    slot: Slot
    kind: Kind
    before: str | None
    after: str | None
    reason: str


@dataclass(frozen=True)
class Homeless:
    """Slots of one process that fit on no node, and by node why not."""

    slots: tuple[Slot, ...]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Arrangement:
    """All that stands in the end: on the ``board``, and by slot the node and the port that it has there."""

    fleet: Fleet  # as it was
    configurations: Mapping[str, Configuration]
    board: Board
    kept: Mapping[Slot, Instance]
    placed: Mapping[Slot, Choice]
    changes: tuple[Change, ...]
    homeless: tuple[Homeless, ...]

    @property
    def nodes(self) -> dict[Slot, str]:
        """The node of each slot that stands."""
        standing = {slot: one.node for slot, one in self.kept.items()}
        return standing | {slot: choice.node for slot, choice in self.placed.items()}

    def shape(self, key: Key) -> Shape:
        """Return what the instances of a process ask of their node."""
        app, name = key
        processes = self.configurations[app].processes
        return Shape.of(app, next(each for each in processes if each.name == name))


def arrange(configurations: Mapping[str, Configuration], fleet: Fleet) -> Arrangement:
    """Return where all instances of these apps stand in the end.

    What runs of other apps stays where it is. An instance that has the memory and the cpu of its process
    counts as what it shall be, whatever else may tell it from that.
    """
    seen = _as_wanted(configurations, fleet)
    displaced: dict[str, str] = {}
    while True:
        found = _Attempt(configurations, seen, displaced)
        strays = found.strays()
        if strays.keys() <= displaced.keys():
            return found.arrangement(fleet)
        displaced |= strays


def _as_wanted(configurations: Mapping[str, Configuration], fleet: Fleet) -> Fleet:
    specs = {
        (app, process.name): (process.spec.memory, process.spec.cpu, process.spec.hash())
        for app, each in configurations.items()
        for process in each.processes
    }

    def wanted(one: Instance) -> Instance:
        spec = specs.get((one.slot.app, one.slot.process))
        if spec is None or spec[:2] != (one.memory, one.cpu):
            return one
        return replace(one, spec=spec[2], drift=())

    return replace(fleet, instances=tuple(wanted(one) for one in fleet.instances))


class _Attempt:
    """One time through all apps; some instances are known to be displaced."""

    def __init__(
        self, configurations: Mapping[str, Configuration], fleet: Fleet, displaced: Mapping[str, str]
    ) -> None:
        self.configurations, self.fleet = dict(sorted(configurations.items())), fleet
        self.board = self._board()
        self.found = [*self._reconciled(displaced)]
        self.needs = {need.slot: need for each in self.found for need in each.needs}
        self.kept = {one.slot: one for each in self.found for one in each.kept}
        for need in self.needs.values():
            if need.leaves and need.home:
                self.board.drop(need.leaves)
        demands = (Demand(need.slot, need.shape, need.home, need.only) for need in self.needs.values())
        self.placed = place(demands, self.board)

    def strays(self) -> dict[str, str]:
        """Return who stays only where those are no longer whom it must be with, and why it cannot."""
        found = {}
        for one in self.kept.values():
            process = self._process(one.slot)
            if process.rules.together:
                reason = displacement(self.board[one.node], Shape.of(one.slot.app, process))
                if reason:
                    found[one.container] = reason
        return found

    def arrangement(self, fleet: Fleet) -> Arrangement:
        changes = sorted(self._changes())
        return Arrangement(
            fleet,
            self.configurations,
            self.board,
            self.kept,
            self.placed,
            tuple(changes),
            tuple(self._homeless()),
        )

    def _board(self) -> Board:
        rules = {
            (app, process.name): process.rules
            for app, each in self.configurations.items()
            for process in each.processes
        }
        ours = (one for one in self.fleet.instances if one.slot.app in self.configurations)
        return rooms_of(self.fleet, {one.container for one in ours if not one.running}, rules)

    def _reconciled(self, displaced: Mapping[str, str]) -> Iterator[Reconciled]:
        by_app: dict[str, list[Instance]] = {app: [] for app in self.configurations}
        for one in self.fleet.instances:
            if one.slot.app in by_app:
                by_app[one.slot.app].append(one)
        for app, configuration in self.configurations.items():
            its = Fleet(self.fleet.nodes, tuple(by_app[app]))
            yield reconcile(configuration, its, self.board, repairing=False, displaced=displaced)

    def _process(self, slot: Slot) -> Process:
        processes = self.configurations[slot.app].processes
        return next(each for each in processes if each.name == slot.process)

    def _changes(self) -> Iterator[Change]:
        before = {one.slot: one.node for one in self.fleet.instances if one.running}
        for slot, choice in self.placed.items():
            home, reason = before.get(slot), self.needs[slot].reason
            yield Change(slot, _kind(home, choice.node), home, choice.node, reason)
        for each in self.found:
            for item in each.surplus:
                one = item.instance
                yield Change(one.slot, "stop", one.node, None, item.reason)

    def _homeless(self) -> Iterator[Homeless]:
        left: dict[tuple[Key, str | None], list[Need]] = {}
        for need in self.needs.values():
            if need.slot not in self.placed:
                left.setdefault((need.shape.key, need.home if need.only else None), []).append(need)
        for (_, home), needs in sorted(left.items(), key=lambda it: it[1][0].slot):
            rooms = [self.board[home]] if home else self.board.rooms
            shape = needs[0].shape
            said = ((room.name, refusal(room, shape)) for room in rooms)
            reasons = {name: reason for name, reason in said if reason}
            yield Homeless(tuple(need.slot for need in needs), reasons)


def _kind(before: str | None, after: str) -> Kind:
    if before is None:
        return "start"
    return "replace" if before == after else "move"
