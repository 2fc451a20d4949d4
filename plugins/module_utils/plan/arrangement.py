# SPDX-License-Identifier: GPL-3.0-or-later
"""All apps on the whole fleet at once: where everything stands when each has been deployed.

No order and no steps, unlike a plan: this answers what fits where, on paper, for any number of machines. It
works by process: what stands rightly is kept, what is renewed stays at home if it can, and the rest is placed
on one board, the hardest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Process
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    Board,
    Room,
    Shape,
    explain,
    refusal,
    rooms_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.repair import Found
from ansible_collections.fairlead.paas.plugins.module_utils.placement.select import (
    Group,
    depths_of,
    settle,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key

from .homes import Homes, bound, homes_of
from .reconcile import Look, Need, Outcome, Surplus, by_process, reconcile_process, split_lost

_FULL = "has no room beside what is placed there"


class Placement(NamedTuple):
    """A slot that gets a new instance on a node; ``old`` is the one it replaces, there or elsewhere."""

    slot: Slot
    node: str
    reason: str
    old: Instance | None = None

    @property
    def kind(self) -> str:
        """Return ``start``, ``replace`` (on the same node) or ``move``."""
        if self.old is None:
            return "start"
        return "replace" if self.old.node == self.node else "move"


@dataclass(frozen=True)
class Arrangement:
    """The outcome. On the ``board`` stands all that is kept or placed, and what other apps run."""

    board: Board
    shapes: Mapping[Key, Shape]
    kept: tuple[Instance, ...]
    stopped: tuple[Surplus, ...]
    outcomes: Mapping[Key, Outcome]  # of the processes that need something
    found: Found

    @cached_property
    def placed(self) -> tuple[Placement, ...]:
        """What is placed, sorted by slot."""
        return tuple(self._placed())

    @cached_property
    def unplaced(self) -> tuple[Need, ...]:
        """What fits nowhere, sorted by slot."""
        return tuple(need for need in self._needs() if need.slot.number not in self._rooms(need))

    @property
    def changed(self) -> bool:
        """Whether anything would be started or stopped."""
        return bool(self.outcomes or self.stopped)

    def refusals(self) -> dict[str, dict[str, str]]:
        """Return slot → node → reason of what fits nowhere, as NoRoom takes it."""
        reasons: dict[Key, dict[str, str]] = {}
        said: dict[str, dict[str, str]] = {}
        for need in self.unplaced:
            shape = need.shape
            if need.only and need.home:
                said[str(need.slot)] = {need.home: refusal(self.board[need.home], shape) or _FULL}
                continue
            if shape.key not in reasons:
                reasons[shape.key] = explain(shape, self.board)
            said[str(need.slot)] = reasons[shape.key]
        return said

    def held(self) -> dict[str, str]:
        """Return slot → what to do, of what fits nowhere since it has volumes where it does not fit."""
        refusals = self.refusals()
        return {
            str(need.slot): bound(need.slot, need.kept, refusals[str(need.slot)][need.kept.node])
            for need in self.unplaced
            if need.kept and need.only
        }

    def _placed(self) -> Iterator[Placement]:
        for need in self._needs():
            if room := self._rooms(need).get(need.slot.number):
                yield Placement(need.slot, room.name, need.reason, need.old)

    def _needs(self) -> Iterator[Need]:
        for _, outcome in sorted(self.outcomes.items()):
            yield from sorted(outcome.needs(), key=lambda need: need.slot)

    def _rooms(self, need: Need) -> Mapping[int, Room]:
        return self.found.get(need.shape.key, {})


def plan_fleet(
    configurations: Iterable[Configuration], fleet: Fleet, *, move_volumes: bool = False
) -> Arrangement:
    """Return where all instances of these apps stand when each has been deployed to the fleet.

    Apps that run and are not among them stay as they are, and their rules bind these. ``move_volumes``: what
    has volumes may leave them, and begin anew.
    """
    configurations = list(configurations)
    processes = {(it.app, process.name): process for it in configurations for process in it.processes}
    apps = {it.app for it in configurations}
    shapes = {key: Shape.of(key[0], process) for key, process in processes.items()}
    dead = {one.container for one in fleet.instances if not one.running and one.slot.app in apps}
    board = rooms_of(fleet, dead, {key: process.rules for key, process in processes.items()})
    board.publish(shapes.values())
    homes = homes_of(configurations, fleet)
    return _Arranging(processes, shapes, apps, board).of(fleet, homes, free=move_volumes)


class _Arranging:
    def __init__(
        self, processes: Mapping[Key, Process], shapes: Mapping[Key, Shape], apps: set[str], board: Board
    ) -> None:
        self.processes, self.shapes, self.apps, self.board = processes, shapes, apps, board
        self.kept: list[Instance] = []
        self.stopped: list[Surplus] = []
        self.outcomes: dict[Key, Outcome] = {}
        self.found: dict[Key, dict[int, Room]] = {}
        self.homes: Homes = {}

    def of(self, fleet: Fleet, homes: Homes, *, free: bool) -> Arrangement:
        """Keep, renew at home, then place what is left."""
        seen, lost = split_lost(fleet.instances, self.board)
        observed = by_process(seen)
        self._stop_unknown(observed)
        look, self.homes = Look(lost=lost, homes=homes, free=free), homes
        depths = depths_of(self.shapes)
        for key in sorted(self.processes, key=lambda key: (depths[key], key)):
            shape, process = self.shapes[key], self.processes[key]
            outcome = reconcile_process(process, shape, observed.get(key, []), self.board, look)
            self.kept += outcome.kept
            self.stopped += outcome.surplus
            if outcome.renewed or outcome.fresh.homes:
                self.outcomes[key] = outcome
                self.found[key] = {}
                if outcome.renewed or shape.everywhere or key in homes:
                    self._renew(shape, outcome)
        for key, rooms in settle(self._groups(), self.board, together=True).items():
            self.found[key] = {**before, **rooms} if (before := self.found[key]) else rooms
        for key, outcome in self.outcomes.items():
            if (
                self.shapes[key].everywhere or key in homes
            ):  # some must be with those who have only now been placed
                self._at_home(self.shapes[key], outcome)
        return Arrangement(
            self.board, self.shapes, tuple(self.kept), tuple(self.stopped), self.outcomes, self.found
        )

    def _stop_unknown(self, observed: Mapping[Key, list[Instance]]) -> None:
        """Let go of processes that their apps no longer have."""
        for key, instances in sorted(observed.items()):
            if key[0] in self.apps and key not in self.processes:
                for one in instances:
                    self.stopped.append(Surplus(one, f"process {key[1]} is no longer in the app"))
                    if one.running:
                        self.board.drop(one)

    def _renew(self, shape: Shape, outcome: Outcome) -> None:
        """Place in its new form what can stay at home, and what may stand nowhere else."""
        for need in outcome.renewed:
            if need.leaves and need.home == need.leaves.node:
                self.board.drop(need.leaves)
        self._at_home(shape, outcome)

    def _at_home(self, shape: Shape, outcome: Outcome) -> None:
        homes = {need.slot.number: need.home for need in outcome.renewed}
        if shape.everywhere or shape.key in self.homes:
            homes |= outcome.fresh.homes
        placed = self.found[shape.key]
        for number, home in homes.items():
            room = self.board.get(home) if home and number not in placed else None
            if room and not refusal(room, shape, number):
                self.board.take(room, shape, number)
                placed[number] = room

    def _groups(self) -> Iterator[Group]:
        """Yield what still needs a room; what may only stand at home has had its chance."""
        for key, outcome in self.outcomes.items():
            if outcome.fresh.shape.everywhere:
                continue
            placed = self.found[key]
            renewed = (need.slot.number for need in outcome.renewed if not need.only)
            numbers = [*renewed, *(outcome.fresh.anywhere if key in self.homes else outcome.fresh.homes)]
            waiting = [number for number in numbers if number not in placed] if placed else numbers
            if waiting:
                yield Group(outcome.fresh.shape, waiting)
