# SPDX-License-Identifier: GPL-3.0-or-later
"""Observed against wanted, before any node is chosen: what is kept, what must start, what has to go.

A process keeps the slot numbers that it has, as many as its scale says; new ones are the lowest that are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, islice

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    TO_BE_BUILT,
    Configuration,
    Process,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import (
    CORDONED,
    LOST,
    Fleet,
    Instance,
    Slot,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    Board,
    Shape,
    barred,
    displacement,
    is_free,
    keepers,
    misplaced,
    worst_first,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.select import depths_of
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size


@dataclass(frozen=True)
class Need:
    """A slot that needs a new instance. ``old`` is the one it replaces, ``home`` where it shall stay.

    ``at_once``: parallelism does not hold it back. ``only``: it may stand at home and nowhere else.
    """

    slot: Slot
    process: Process
    shape: Shape
    reason: str
    old: Instance | None = None
    home: str | None = None
    at_once: bool = False
    only: bool = False

    @property
    def leaves(self) -> Instance | None:
        """The running instance that it replaces: the one to route out, to stop, and whose room matters."""
        return self.old if self.old and self.old.running else None


@dataclass(frozen=True)
class Surplus:
    """An instance that has to go and gets no successor."""

    instance: Instance
    reason: str


@dataclass(frozen=True)
class Reconciled:
    """The outcome, each part sorted by slot. ``scales``: how many of each process shall run."""

    kept: tuple[Instance, ...]
    needs: tuple[Need, ...]
    surplus: tuple[Surplus, ...]
    scales: Mapping[str, int] = field(default_factory=dict)


def reconcile(
    configuration: Configuration,
    fleet: Fleet,
    board: Board,
    *,
    repairing: bool,
    displaced: Mapping[str, str] | None = None,
) -> Reconciled:
    """Compare an app with its instances on the fleet. ``repairing``: the release stays the active one.

    All that runs stands on the board; what does not stay where it is, is taken off. ``displaced``: containers
    that cannot stay for reasons that only placing has found, each with its reason.
    """
    app = configuration.app
    observed = _by_process(i for i in fleet.of_app(app) if _is_seen(i, board))
    lost = {i.slot: i.node for i in fleet.of_app(app) if not _is_seen(i, board) and i.node in board}
    shapes = {(app, process.name): Shape.of(app, process) for process in configuration.processes}
    depths = depths_of(shapes)
    kept: list[Instance] = []
    needs: list[Need] = []
    surplus: list[Surplus] = []
    scales: dict[str, int] = {}
    for name, instances in observed.items():
        if (app, name) not in shapes:
            surplus += [Surplus(i, f"process {name} is no longer in the app") for i in instances]
            _take_off(instances, board)
    for process in sorted(configuration.processes, key=lambda it: (depths[app, it.name], it.name)):
        shape = shapes[app, process.name]
        found = observed.get(process.name, [])
        work = _Process(process, shape, board, found, displaced or {}, lost)
        outcome = work.outcome(repairing=repairing)
        kept += outcome.kept
        needs += outcome.needs
        surplus += outcome.surplus
        scales |= outcome.scales
    return Reconciled(
        tuple(sorted(kept, key=lambda one: one.slot)),
        tuple(sorted(needs, key=lambda need: need.slot)),
        tuple(sorted(surplus, key=lambda item: item.instance)),
        scales,
    )


def _by_process(instances: Iterable[Instance]) -> dict[str, list[Instance]]:
    found: dict[str, list[Instance]] = {}
    for instance in instances:
        found.setdefault(instance.slot.process, []).append(instance)
    return found


def _is_seen(instance: Instance, board: Board) -> bool:
    room = board.get(instance.node)
    return room is not None and room.node.state != LOST


def _take_off(instances: Iterable[Instance], board: Board) -> None:
    for instance in instances:
        if instance.running:
            board.drop(instance)


class _Process:
    """One process at work: its slots' best instances, and those of them that must leave their node."""

    def __init__(
        self,
        process: Process,
        shape: Shape,
        board: Board,
        instances: list[Instance],
        displaced: Mapping[str, str],
        lost: Mapping[Slot, str],
    ) -> None:
        self.process, self.shape, self.board, self.instances = process, shape, board, instances
        self.displaced, self.lost = displaced, lost
        self.spec = process.spec.hash() if instances else ""
        self.surplus: list[Surplus] = []
        self.must_leave: dict[str, str] = {}
        self.best = self._best()
        self.must_leave |= self._must_leave()

    def outcome(self, *, repairing: bool) -> Reconciled:
        """Return what becomes of each instance and slot."""
        had = len(self.best)
        nodes = self._on_every_node() if self.shape.everywhere else {}
        scale = len(nodes) if self.shape.everywhere else self.process.scale
        if not self.shape.everywhere:
            self._thin_out(had, scale)
        process = self.process if scale == self.process.scale else replace(self.process, scale=scale)
        kept = [i for i in self.best.values() if self._is_kept(i)]
        needs = [self._renewed(process, old) for old in self.best.values() if not self._is_kept(old)]
        free = islice((n for n in count(1) if n not in self.best), max(scale - len(self.best), 0))
        homes = sorted(set(nodes) - {one.node for one in self.best.values()}) if nodes else []
        for at, number in enumerate([*free]):
            home = homes[at] if nodes else None
            slot = Slot(self.shape.app, process.name, number)
            reason = self._why_new(slot, had, scale, home, repairing=repairing)
            needs.append(Need(slot, process, self.shape, reason, home=home, only=home is not None))
        return Reconciled(tuple(kept), tuple(needs), tuple(self.surplus), {process.name: scale})

    def _best(self) -> dict[int, Instance]:
        """Return the best instance of each slot, and let its doubles go. A killed run can have left several."""
        best: dict[int, Instance] = {}
        for one in sorted(self.instances, key=lambda i: (*self._merit(i), i.node, i.name)):
            first = best.setdefault(one.slot.number, one)
            if first is not one:
                reason = f"a second {one.slot}, beside {first.name} on {first.node}"
                self._let_go(one, reason if one.running else "left over, does not run")
        return dict(sorted(best.items()))

    def _merit(self, one: Instance) -> tuple[bool, bool, bool, int]:
        refused = one.node not in keepers(self.shape, self.board)
        return not one.running, not self._as_wanted(one), refused, -one.release

    def _as_wanted(self, one: Instance) -> bool:
        return one.running and one.spec == self.spec and not one.drift

    def _is_kept(self, one: Instance) -> bool:
        return self._as_wanted(one) and one.container not in self.must_leave

    def _must_leave(self) -> dict[str, str]:
        """Return who may not stay where it stands, and why; off the board, the least wanted first.

        So of several that cannot stay together, those stay that need no change.
        """
        kept_by = keepers(self.shape, self.board)
        free = is_free(self.shape, self.board)
        found: dict[str, str] = {}
        for one in sorted(self.best.values(), key=lambda i: (self._as_wanted(i), -i.slot.number)):
            if not one.running or (free and one.node in kept_by and one.container not in self.displaced):
                continue
            room = self.board[one.node]
            if reason := self.displaced.get(one.container) or displacement(room, self.shape):
                found[one.container] = reason
                self.board.drop(one)
        return found

    def _let_go(self, one: Instance, reason: str) -> None:
        self.surplus.append(Surplus(one, reason))
        if one.running and one.container not in self.must_leave:
            self.board.drop(one)

    def _thin_out(self, had: int, scale: int) -> None:
        """Let go of as many as are too many: what serves nothing, what would have to move, then the worst."""
        for one, why in islice(self._going(), max(had - scale, 0)):
            del self.best[one.slot.number]
            said = f"scale {had} → {scale}" + (f", {why}" if scale else "")
            self.surplus.append(Surplus(one, said))

    def _going(self) -> Iterator[tuple[Instance, str]]:
        """Yield in which order instances go, each off the board when asked for."""
        latest = sorted(self.best.values(), key=lambda one: -one.slot.number)
        yield from ((one, "does not run") for one in latest if not one.running)
        leaving = (one for one in latest if one.container in self.must_leave)
        yield from ((one, self.must_leave[one.container]) for one in leaving)
        staying = [one for one in latest if one.running and one.container not in self.must_leave]
        old = [one for one in staying if not self._as_wanted(one)]
        yield from worst_first(old, self.shape, self.board)
        yield from worst_first(filter(self._as_wanted, staying), self.shape, self.board)

    def _on_every_node(self) -> set[str]:
        """Return the nodes that shall hold one, and let go of what stands elsewhere, or twice."""
        taken: set[str] = set()
        wanted = {room.name for room in self.board.rooms if not barred(room, self.shape)}
        by_merit = sorted(
            self.best.items(), key=lambda it: (not it[1].running, not self._as_wanted(it[1]), it[0])
        )
        for number, one in by_merit:
            room = self.board[one.node]
            reason = self.must_leave.get(one.container) or misplaced(room, self.shape)
            if not reason and room.node.state == CORDONED and not self._as_wanted(one):
                reason = barred(room, self.shape)
            if not reason and one.node in taken:
                reason = f"a second one on {one.node}"
            if reason:
                del self.best[number]
                self._let_go(one, reason)
            else:
                taken.add(one.node)
        return wanted | taken

    def _renewed(self, process: Process, old: Instance) -> Need:
        """Return the need of a slot that has an instance, which cannot be kept."""
        reason = self.must_leave.get(old.container)
        home = None if reason else old.node
        if not reason:
            reason = difference(old, process.spec)
            room = self.board[old.node]
            if old.running and room.node.state == CORDONED:
                reason, home = f"{reason}; {old.node} {barred(room, self.shape)}", None
                self.board.drop(old)
        return Need(old.slot, process, self.shape, reason, old, home, only=self.shape.everywhere)

    def _why_new(self, slot: Slot, had: int, scale: int, home: str | None, *, repairing: bool) -> str:
        if slot in self.lost and not home:
            return f"{self.lost[slot]} is lost"
        if repairing:
            return f"{home} has none" if home else "its container is gone"
        if not self.instances:
            return f"process {self.process.name} is new"
        return f"{home} has none" if home else f"scale {had} → {scale}"


def difference(old: Instance, spec: Spec) -> str:
    """Say what tells an instance from what it shall be, as far as its node shows it."""
    if not old.running:
        return "its container does not run"
    if old.spec == spec.hash():
        return f"changed by hand: {', '.join(old.drift)}"
    changes = [
        f"image {_short(old.image)} → {_short(spec.image)}" if old.image != spec.image else "",
        f"memory {format_size(old.memory)} → {format_size(spec.memory)}" if old.memory != spec.memory else "",
        f"cpu {old.cpu:g} → {spec.cpu:g}" if old.cpu != spec.cpu else "",
    ]
    return ", ".join(filter(None, changes)) or f"command, env, secrets or limits changed since v{old.release}"


def _short(image: str) -> str:
    """Return the first 12 digits of an image's digest, or the name of one without a digest."""
    if image.endswith(TO_BE_BUILT):
        return "(to be built)"
    return image.partition("@")[2].removeprefix("sha256:")[:12] or image
