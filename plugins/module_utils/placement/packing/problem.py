# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds and bins in the form that is searched: alike ones counted once, every size one whole number.

That number is the *code* of a size: each resource has its own bits and a guard bit above them. With the
guards set, one subtraction and one mask tell whether a size fits into what is free, in all resources at once.

Floats are added with ``fsum``, as exactly as can be: the same in any order, and by any version of Python.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, gcd

from .model import Bin, Kind, Size

# Worth of a resource that is free in plenty: wasting it costs little. One fiftieth more than the scarcest one
# may lie idle before a resource counts only half as much.
_PLENTY = 0.02


@dataclass(frozen=True)
class Shelf:
    """Identical bins: as much free, the same kinds allowed. ``menu``: those kinds, the largest first."""

    free: Size
    code: int
    worth: float
    used: bool
    menu: tuple[int, ...]
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """Kinds are known by number, the largest first; what they are stands at that place of each tuple.

    ``most`` is in one bin; ``homes`` is the share of all bins that may hold the kind; ``worth`` is the size
    as one number, of which scarce resources make more: 1 is an average bin. ``members`` says which of the
    given kinds it stands for, and how many items of each. ``guards`` are the guard bits of all codes,
    ``scale`` is the average bin.
    """

    sizes: tuple[Size, ...]
    counts: tuple[int, ...]
    most: tuple[int, ...]
    codes: tuple[int, ...]
    homes: tuple[float, ...]
    worth: tuple[float, ...]
    members: tuple[tuple[tuple[int, int], ...], ...]
    shelves: tuple[Shelf, ...]
    guards: int
    scale: tuple[float, ...]

    def fits(self, number: int, code: int) -> bool:
        """Tell whether one more of a kind fits into what is free by this code."""
        return (code - self.codes[number]) & self.guards == self.guards


@dataclass(frozen=True)
class _Class:
    """Items that are alike in all that matters, and the given kinds that they come from."""

    size: Size
    most: int
    zone: int
    members: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        return sum(count for _, count in self.members)


def read(kinds: Sequence[Kind], bins: Sequence[Bin]) -> Problem:
    """Return the problem. Raises ValueError where sizes have different numbers of resources, or none."""
    lengths = {len(kind.size) for kind in kinds} | {len(one.free) for one in bins}
    if lengths and (len(lengths) > 1 or 0 in lengths):
        raise ValueError(f"sizes of {sorted(lengths)} resources; all need the same number, at least one")
    zones, zone_of = _zones(kinds)
    classes = _classes(kinds, zone_of)
    units = [gcd(*column) or 1 for column in zip(*(one.size for one in classes), strict=True)]
    classes = [_in_units(one, units) for one in classes]
    groups = _groups(bins, zones, units)
    scale = _scale(groups, len(units))
    weights = _weights(classes, scale)

    def worth(size: Size) -> float:
        return fsum(part / whole * weight for part, whole, weight in zip(size, scale, weights, strict=True))

    classes.sort(key=lambda one: (-worth(one.size), one.size, one.most, one.zone, -one.count, one.members))
    offsets, guards = _layout([one.size for one in classes] + [free for free, _, _ in groups], len(units))
    menus: dict[tuple[int, ...], tuple[int, ...]] = {
        allowed: tuple(number for number, one in enumerate(classes) if one.zone in allowed)
        for allowed in {allowed for _, _, allowed in groups}
    }
    shelves = [
        Shelf(free, guards + _code(free, offsets), worth(free), used, menus[allowed], tuple(indexes))
        for (free, used, allowed), indexes in groups.items()
    ]
    shelves.sort(key=lambda shelf: (not shelf.used, -shelf.worth, shelf.free, shelf.menu))
    return Problem(
        sizes=tuple(one.size for one in classes),
        counts=tuple(one.count for one in classes),
        most=tuple(one.most for one in classes),
        codes=tuple(_code(one.size, offsets) for one in classes),
        homes=tuple(_share(zones[one.zone], len(bins)) for one in classes),
        worth=tuple(worth(one.size) for one in classes),
        members=tuple(one.members for one in classes),
        shelves=tuple(shelves),
        guards=guards,
        scale=scale,
    )


_Zone = frozenset[int] | None


def _zones(kinds: Sequence[Kind]) -> tuple[list[_Zone], list[int]]:
    """Return the distinct sets of bins, those of few first, and the position of each kind's among them."""
    by_id = {id(kind.bins): kind.bins for kind in kinds}  # most kinds share one: hash it once
    some = {zone for zone in by_id.values() if zone is not None}
    zones: list[_Zone] = [None, *sorted(some, key=lambda zone: (len(zone), sorted(zone)))]
    positions = {zone: position for position, zone in enumerate(zones)}
    position_of = {key: positions[zone] for key, zone in by_id.items()}
    return zones, [position_of[id(kind.bins)] for kind in kinds]


def _classes(kinds: Sequence[Kind], zone_of: Sequence[int]) -> list[_Class]:
    """Merge what is alike. A limit in a bin is each kind's own, so those that have one stay apart.

    Where not all of a class fit, its largest kinds come first, in whichever order they were given.
    """
    members: dict[tuple[Size, int | None, int, int], list[tuple[int, int]]] = defaultdict(list)
    for index, kind in enumerate(kinds):
        if kind.count > 0:
            own = -1 if kind.most is None else index
            members[kind.size, kind.most, zone_of[index], own].append((index, kind.count))
    return [
        _Class(
            size,
            sum(count for _, count in ones) if most is None else most,
            zone,
            tuple(sorted(ones, key=lambda member: (-member[1], member[0]))),
        )
        for (size, most, zone, _), ones in members.items()
        if most != 0
    ]


def _in_units(one: _Class, units: Sequence[int]) -> _Class:
    size = tuple(part // unit for part, unit in zip(one.size, units, strict=True))
    return _Class(size, one.most, one.zone, one.members)


_Group = tuple[Size, bool, tuple[int, ...]]


def _groups(bins: Sequence[Bin], zones: Sequence[_Zone], units: Sequence[int]) -> dict[_Group, list[int]]:
    """Return the indexes of bins that are alike, by what is free in whole units, whether used, and zones."""
    within: list[list[int]] = [[0] for _ in bins]
    for position, zone in enumerate(zones):
        for index in sorted(zone or ()):
            if 0 <= index < len(bins):
                within[index].append(position)
    groups: dict[_Group, list[int]] = defaultdict(list)
    for index, one in enumerate(bins):
        if units and min(one.free) >= 0:
            free = tuple(part // unit for part, unit in zip(one.free, units, strict=True))
            groups[free, one.used, tuple(within[index])].append(index)
    return groups


def _scale(groups: Mapping[_Group, Sequence[int]], resources: int) -> tuple[float, ...]:
    """Return the average unused bin, or the average bin where all are used; nothing counts as 1."""
    some = [(free, len(indexes)) for (free, used, _), indexes in groups.items() if not used]
    some = some or [(free, len(indexes)) for (free, _, _), indexes in groups.items()]
    number = sum(count for _, count in some) or 1
    totals = [sum(free[resource] * count for free, count in some) for resource in range(resources)]
    return tuple(total / number or 1.0 for total in totals)


def _weights(classes: Iterable[_Class], scale: Sequence[float]) -> list[float]:
    """Return what each resource counts: the more, the less of it will be left over."""
    totals = [0] * len(scale)
    for one in classes:
        for resource, part in enumerate(one.size):
            totals[resource] += part * one.count
    asked = [total / whole for total, whole in zip(totals, scale, strict=True)]
    most = max(asked, default=0.0) or 1.0
    weights = [1 / (1 - part / most + _PLENTY) for part in asked]
    return [weight / fsum(weights) for weight in weights]


def _layout(sizes: Sequence[Size], resources: int) -> tuple[list[int], int]:
    """Return where each resource's bits begin, and the guard bits above them."""
    offsets, guards, offset = [], 0, 0
    for resource in range(resources):
        offsets.append(offset)
        offset += max((size[resource] for size in sizes), default=0).bit_length()
        guards |= 1 << offset
        offset += 1
    return offsets, guards


def _code(size: Size, offsets: Sequence[int]) -> int:
    return sum(part << offset for part, offset in zip(size, offsets, strict=True))


def _share(zone: _Zone, bins: int) -> float:
    return 1.0 if zone is None else len(zone) / max(bins, 1)
