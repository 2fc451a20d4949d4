# SPDX-License-Identifier: GPL-3.0-or-later
"""Where all instances of all apps stand in the end, and what has to change for that. What stands well stays.

The way there is not asked about: a deploy goes it step by step, and may need room beside what still runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Slot, Stored
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Board, Shape, displacement
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shortfall import Missing, shortfall
from ansible_collections.fairlead.paas.plugins.module_utils.plan import arrangement

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
    """All that stands in the end. ``displaced``: containers that lose whom they must be with, and why."""

    fleet: Fleet  # as it was
    seen: Fleet  # the same with everything that has what it needs as what it shall be
    configurations: Mapping[str, Configuration]
    displaced: Mapping[Slot, str]
    found: arrangement.Arrangement

    @property
    def board(self) -> Board:
        """All nodes, with what stands on them in the end."""
        return self.found.board

    @cached_property
    def kept(self) -> dict[Slot, Instance]:
        """What stays where it is, by slot."""
        return {one.slot: one for one in self.found.kept}

    @cached_property
    def placed(self) -> dict[Slot, arrangement.Placement]:
        """What is placed anew, by slot."""
        return {each.slot: each for each in self.found.placed}

    @cached_property
    def nodes(self) -> dict[Slot, str]:
        """The node of each slot that stands."""
        standing = {slot: one.node for slot, one in self.kept.items()}
        return standing | {slot: each.node for slot, each in self.placed.items()}

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What has to change, sorted by slot."""
        return tuple(sorted(self._changes(), key=lambda it: (it.slot, it.kind, it.before or "")))

    @cached_property
    def homeless(self) -> tuple[Homeless, ...]:
        """What fits nowhere, by process."""
        refusals = self.found.refusals()
        together: dict[tuple[Key, tuple[str, ...]], list[Slot]] = {}
        for need in self.found.unplaced:
            at = need.shape.key, tuple(refusals[str(need.slot)]) if need.only else ()
            together.setdefault(at, []).append(need.slot)
        return tuple(Homeless(tuple(slots), refusals[str(slots[0])]) for slots in together.values())

    @cached_property
    def advice(self) -> tuple[str, ...]:
        """With which smallest changes what fits nowhere would fit."""
        missing = (
            Missing(
                self.shape((each.slots[0].app, each.slots[0].process)),
                [slot.number for slot in each.slots],
                next(iter(each.reasons), None) if len(each.reasons) < len(self.board) else None,
            )
            for each in self.homeless
        )
        return (*self.found.held().values(), *shortfall(missing, self.board))

    @cached_property
    def after(self) -> Fleet:
        """The fleet as it is when all that has to change has changed. What is new there has no port yet."""
        ours = (*self.kept.values(), *map(self._new, self.placed.values()))
        others = (one for one in self.fleet.instances if one.slot.app not in self.configurations)
        instances = tuple(sorted((*ours, *others)))
        return replace(self.fleet, instances=instances, volumes=(*self.fleet.volumes, *self._new_volumes()))

    def shape(self, key: Key) -> Shape:
        """Return what the instances of a process ask of their node."""
        return self.found.shapes[key]

    def _new_volumes(self) -> Iterator[Stored]:
        """Yield the volumes that bind what is placed to where that is."""
        binding = {
            (app, process.name): process.spec.binding
            for app, each in self.configurations.items()
            for process in each.processes
            if process.spec.binding
        }
        for slot, placed in self.placed.items() if binding else ():
            for name in binding.get((slot.app, slot.process), ()):
                yield Stored(slot, name, placed.node)

    def _new(self, placed: arrangement.Placement) -> Instance:
        processes = {each.name: each for each in self.configurations[placed.slot.app].processes}
        spec, name = processes[placed.slot.process].spec, f"{placed.slot} on {placed.node}"
        return Instance(
            placed.slot, placed.node, name, name, 0, spec.image, spec.hash(), spec.memory, spec.cpu, None
        )

    def _changes(self) -> Iterator[Change]:
        before = {one.slot: one.node for one in self.fleet.instances if one.running}
        for slot, each in self.placed.items():
            home = before.get(slot)
            yield Change(slot, _kind(home, each.node), home, each.node, self.displaced.get(slot, each.reason))
        for item in self.found.stopped:
            yield Change(item.instance.slot, "stop", item.instance.node, None, item.reason)


def arrange(configurations: Mapping[str, Configuration], fleet: Fleet) -> Arrangement:
    """Return where all instances of these apps stand in the end.

    What runs of other apps stays where it is. An instance that has the memory and the cpu of its process
    counts as what it shall be, whatever else may tell it from that.
    """
    seen = _as_wanted(configurations, fleet)
    displaced: dict[Slot, str] = {}
    while True:
        left = (
            tuple(one for one in seen.instances if one.slot not in displaced) if displaced else seen.instances
        )
        found = arrangement.plan_fleet(configurations.values(), replace(seen, instances=left))
        strays = dict(_strays(found))
        if not strays:
            return Arrangement(fleet, seen, configurations, displaced, found)
        displaced |= strays


def _as_wanted(configurations: Mapping[str, Configuration], fleet: Fleet) -> Fleet:
    specs = {
        (app, process.name): (process.spec.memory, process.spec.cpu, process.spec.hash())
        for app, each in configurations.items()
        for process in each.processes
    }

    def wanted(one: Instance) -> Instance:
        spec = specs.get((one.slot.app, one.slot.process))
        if spec is None or spec[:2] != (one.memory, one.cpu) or (one.spec == spec[2] and not one.drift):
            return one
        return replace(one, spec=spec[2], drift=())

    return replace(fleet, instances=tuple(wanted(one) for one in fleet.instances))


def _strays(found: arrangement.Arrangement) -> Iterator[tuple[Slot, str]]:
    """Yield who was kept and cannot stay, since whom it must be with has left; and why."""
    bound = {key for key, shape in found.shapes.items() if shape.together}
    for one in found.kept if bound else ():
        key = one.slot.app, one.slot.process
        if key in bound and (reason := displacement(found.board[one.node], found.shapes[key])):
            yield one.slot, reason


def _kind(before: str | None, after: str) -> Kind:
    if before is None:
        return "start"
    return "replace" if before == after else "move"
