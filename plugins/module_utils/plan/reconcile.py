# SPDX-License-Identifier: GPL-3.0-or-later
"""Observed against wanted, before any node is chosen: what is kept, what must start, what has to go.

A process keeps the slot numbers that it has, as many as its scale says; new ones are the lowest free ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count, islice, pairwise
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    TO_BE_BUILT,
    Configuration,
    Process,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import (
    CORDONED,
    LOST,
    Instance,
    Slot,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    Board,
    Shape,
    barred,
    keepers,
    misplaced,
    staying_rules,
    unwanted,
    worst_first,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.feasible import Rule
from ansible_collections.fairlead.paas.plugins.module_utils.placement.select import depths_of
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from .homes import NOWHERE, Home, Homes


@dataclass(frozen=True)
class Need:
    """A slot that needs a new instance. ``old`` is the one it replaces, ``home`` where it shall stay.

    ``at_once``: parallelism does not hold it back. ``only``: it may stand at home and nowhere else. ``kept``:
    where it has volumes.
    """

    slot: Slot
    process: Process
    shape: Shape
    reason: str
    old: Instance | None = None
    home: str | None = None
    at_once: bool = False
    only: bool = False
    kept: Home | None = None

    @property
    def leaves(self) -> Instance | None:
        """The running instance that it replaces: the one to route out, to stop, and whose room matters."""
        return self.old if self.old and self.old.running else None


@dataclass(frozen=True)
class Surplus:
    """An instance that has to go and gets no successor."""

    instance: Instance
    reason: str


class Fresh(NamedTuple):
    """New slots of one process: number → the one node on which it may stand, None where any will do.

    ``process`` has as its scale how many shall run. ``reasons``: by number, where it is not the usual one.
    ``kept``: where slots have volumes. ``free``: the nodes are those where they would best stand.
    """

    process: Process
    shape: Shape
    homes: Mapping[int, str | None]
    reason: str
    reasons: Mapping[int, str]
    kept: Mapping[int, Home] = NOWHERE
    free: bool = False

    @property
    def anywhere(self) -> list[int]:
        """The numbers of those that may stand on more than one node."""
        return [number for number, home in self.homes.items() if home is None or self.free]

    def need(self, number: int) -> Need:
        """Return one of them."""
        slot, home = Slot(*self.shape.key, number), self.homes[number]
        reason = self.reasons.get(number, self.reason)
        only = home is not None and not self.free
        return Need(slot, self.process, self.shape, reason, home=home, only=only, kept=self.kept.get(number))


class Outcome(NamedTuple):
    """What becomes of one process. ``fresh`` are as many new slots as are wanting."""

    kept: list[Instance]
    renewed: list[Need]
    surplus: list[Surplus]
    fresh: Fresh

    def needs(self) -> Iterator[Need]:
        """Yield all that needs an instance."""
        yield from self.renewed
        yield from map(self.fresh.need, self.fresh.homes)


@dataclass(frozen=True)
class Reconciled:
    """The outcome, each part sorted by slot. ``scales``: how many of each process shall run."""

    kept: tuple[Instance, ...]
    needs: tuple[Need, ...]
    surplus: tuple[Surplus, ...]
    scales: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What is known when one process is looked at.

    ``repairing``: the release stays the active one. ``displaced``: containers that cannot stay for reasons
    that only placing has found, each with its reason. ``lost``: why slots of each process are gone.
    ``homes``: where slots have volumes, which they do not leave unless they are ``free`` to.
    """

    repairing: bool = False
    displaced: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[Key, Mapping[int, str]] = field(default_factory=dict)
    homes: Homes = field(default_factory=dict)
    free: bool = False


def reconcile(
    configuration: Configuration,
    instances: Iterable[Instance],
    board: Board,
    look: Look,
) -> Reconciled:
    """Compare an app with its instances. The look need not know which slots are lost.

    All that runs stands on the board; what does not stay where it is, is taken off.
    """
    app = configuration.app
    seen, lost = split_lost(instances, board)
    observed = by_process(seen)
    look = replace(look, lost=lost)
    shapes = {(app, process.name): Shape.of(app, process) for process in configuration.processes}
    depths = depths_of(shapes)
    surplus: list[Surplus] = []
    for key, found in observed.items():
        if key not in shapes:
            surplus += [Surplus(i, f"process {key[1]} is no longer in the app") for i in found]
            _take_off(found, board)
    outcomes = [
        reconcile_process(
            process, shapes[app, process.name], observed.get((app, process.name), []), board, look
        )
        for process in sorted(configuration.processes, key=lambda it: (depths[app, it.name], it.name))
    ]
    surplus += [item for outcome in outcomes for item in outcome.surplus]
    return Reconciled(
        tuple(sorted((one for it in outcomes for one in it.kept), key=lambda one: one.slot)),
        tuple(sorted((need for it in outcomes for need in it.needs()), key=lambda need: need.slot)),
        tuple(sorted(surplus, key=lambda item: item.instance)),
        {it.fresh.process.name: it.fresh.process.scale for it in outcomes},
    )


def reconcile_process(
    process: Process, shape: Shape, instances: list[Instance], board: Board, look: Look
) -> Outcome:
    """Compare one process with its instances; those whom it must be with have been compared before."""
    if not instances and not shape.everywhere and shape.key not in look.lost:
        reason = "its container is gone" if look.repairing else f"process {process.name} is new"
        kept = look.homes.get(shape.key, NOWHERE)
        homes = _homes(_numbers(process.scale, (), kept), kept)
        return Outcome([], [], [], Fresh(process, shape, homes, reason, {}, kept, look.free))
    return _Process(process, shape, instances, board, look).outcome()


def by_process(instances: Iterable[Instance]) -> dict[Key, list[Instance]]:
    """Return the instances of each process."""
    found: dict[Key, list[Instance]] = {}
    for one in instances:
        slot = one.slot
        found.setdefault((slot.app, slot.process), []).append(one)
    return found


def split_lost(
    instances: Iterable[Instance], board: Board
) -> tuple[list[Instance], dict[Key, dict[int, str]]]:
    """Return the instances on nodes that are there, and why the slots of the others are gone."""
    instances = list(instances)
    there = {room.name for room in board.rooms if room.node.state != LOST}
    lost: dict[Key, dict[int, str]] = {}
    for one in instances:
        if one.node not in there and one.node in board:
            lost.setdefault((one.slot.app, one.slot.process), {})[one.slot.number] = f"{one.node} is lost"
    return [one for one in instances if one.node in there], lost


def _take_off(instances: Iterable[Instance], board: Board) -> None:
    for instance in instances:
        if instance.running:
            board.drop(instance)


class _Process:
    """One process at work: its slots' best instances, and those of them that must leave their node."""

    def __init__(
        self, process: Process, shape: Shape, instances: list[Instance], board: Board, look: Look
    ) -> None:
        self.process, self.shape, self.board, self.look = process, shape, board, look
        self.instances = instances
        self.spec = process.spec.hash() if instances else ""
        self.homes = look.homes.get(shape.key, NOWHERE)
        self.surplus: list[Surplus] = []
        self.must_leave: dict[str, str] = {}
        self.best = self._best()
        self.must_leave |= self._must_leave()

    def outcome(self) -> Outcome:
        """Return what becomes of each instance and slot."""
        had, everywhere = len(self.best), self.shape.everywhere
        nodes = self._on_every_node() if everywhere else set()
        scale = len(nodes) if everywhere else self.process.scale
        if not everywhere and had > scale:
            self._thin_out(had, scale)
        process = self.process if scale == self.process.scale else replace(self.process, scale=scale)
        kept: list[Instance] = []
        renewed: list[Need] = []
        for one in self.best.values():
            if self._is_kept(one):
                kept.append(one)
            else:
                renewed.append(self._renewed(process, one))
        return Outcome(kept, renewed, self.surplus, self._fresh(process, had, nodes))

    def _fresh(self, process: Process, had: int, nodes: set[str]) -> Fresh:
        if self.shape.everywhere:
            taken = {one.node for one in self.best.values()}
            homes = self._numbered(nodes - taken)
            words = {number: f"{home} has none" for number, home in homes.items()}
            return Fresh(process, self.shape, homes, "", words, self.homes)
        numbers = _numbers(process.scale - len(self.best), self.best, self.homes)
        known = self.look.lost.get(self.shape.key, {})
        reason, homes = self._why_new(had, process.scale), _homes(numbers, self.homes)
        return Fresh(process, self.shape, homes, reason, known, self.homes, self.look.free)

    def _numbered(self, nodes: set[str]) -> dict[int, str | None]:
        """Return numbers for instances of some nodes: of those that have volumes there, else free ones."""
        numbers = {home.node: number for number, home in self.homes.items() if number not in self.best}
        free = (number for number in count(1) if number not in self.best and number not in self.homes)
        return dict(sorted((numbers.get(node) or next(free), node) for node in sorted(nodes)))

    def _best(self) -> dict[int, Instance]:
        """Return the best instance of each slot, and let its doubles go: a killed run can have left some."""
        best = {one.slot.number: one for one in self.instances}
        if len(best) == len(self.instances):
            return best if _in_order(best) else dict(sorted(best.items()))
        best.clear()
        for one in sorted(self.instances, key=lambda i: (*self._merit(i), i.node, i.name)):
            first = best.setdefault(one.slot.number, one)
            if first is not one:
                reason = f"a second {one.slot}, beside {first.name} on {first.node}"
                self._let_go(one, reason if one.running else "left over, does not run")
        return dict(sorted(best.items()))

    def _merit(self, one: Instance) -> tuple[bool, bool, bool, bool, int]:
        refused = one.node not in keepers(self.shape, self.board)
        home = self.homes.get(one.slot.number)
        away = home is not None and home.node != one.node
        return away, not one.running, not self._as_wanted(one), refused, -one.release

    def _as_wanted(self, one: Instance) -> bool:
        return one.running and one.spec == self.spec and not one.drift

    def _is_kept(self, one: Instance) -> bool:
        return self._as_wanted(one) and one.container not in self.must_leave

    def _must_leave(self) -> dict[str, str]:
        """Return who may not stay where it stands, and why; off the board, the least wanted first.

        So of several that cannot stay together, those stay that need no change.
        """
        kept_by = keepers(self.shape, self.board)
        rules = staying_rules(self.shape, self.board)
        displaced = self.look.displaced
        disputed = {self.board.rooms[index].name for index in self.board.unwanted_at(self.shape)}
        suspects = [
            one
            for one in self.best.values()
            if one.running
            and (rules or one.node not in kept_by or one.node in disputed or one.container in displaced)
        ]
        found: dict[str, str] = {}
        if not any(self._why_leave(one, kept_by, rules) for one in suspects):
            return found
        for one in sorted(suspects, key=lambda it: (self._as_wanted(it), -it.slot.number)):
            if reason := self._why_leave(one, kept_by, rules):
                found[one.container] = reason
                self.board.drop(one)
        return found

    def _why_leave(self, one: Instance, kept_by: Collection[str], rules: Iterable[Rule]) -> str | None:
        room = self.board[one.node]
        if one.node not in kept_by:
            return misplaced(room, self.shape)
        if room.shunned and (reason := unwanted(room, self.shape)):
            return reason
        for rule in rules:
            if reason := rule(room, self.shape, None):
                return reason
        return self.look.displaced.get(one.container)

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
        kept = self.homes.get(old.slot.number)
        if kept is None or self.shape.everywhere or self.look.free:
            return Need(
                old.slot, process, self.shape, reason, old, home, only=self.shape.everywhere, kept=kept
            )
        # What goes is off the board, what stays is on it.
        if old.running and home is None and kept.node == old.node:
            self.board.add(old)
        elif old.running and home is not None and kept.node != old.node:
            self.board.drop(old)
        return Need(old.slot, process, self.shape, reason, old, kept.node, only=True, kept=kept)

    def _why_new(self, had: int, scale: int) -> str:
        if self.look.repairing:
            return "its container is gone"
        return f"scale {had} → {scale}" if self.instances else f"process {self.process.name} is new"


def _numbers(wanting: int, taken: Collection[int], kept: Mapping[int, Home]) -> list[int]:
    """Return so many numbers for new slots: first those that have volumes, then the lowest free ones."""
    stored = sorted(number for number in kept if number not in taken)
    free = (number for number in count(1) if number not in taken and number not in kept)
    return sorted(islice(chain(stored, free), max(wanting, 0)))


def _homes(numbers: Iterable[int], kept: Mapping[int, Home]) -> dict[int, str | None]:
    return {number: kept[number].node if number in kept else None for number in numbers}


def _in_order(numbers: Iterable[int]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


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
