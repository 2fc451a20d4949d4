# SPDX-License-Identifier: GPL-3.0-or-later
"""All items into so many identical bins, where few items fill one: an exact cover by fills known beforehand.

The item that the fewest of the fills have comes first (Knuth 2000, "Dancing links"), so that a wrong turn
shows early. Some can only be undone by starting over, so the search starts over, with another order of
equals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from random import Random

from .fills import TOLERANCE, Items, Room, Wanted, fills
from .problem import Problem, Shelf

# Fills that are kept of those with the same largest item, the tightest; and among how many they are chosen.
_KEPT, _FEW, _FOUND = 30, 10, 160
# The search starts over after so many steps, and so many more for each fill that there is; a step is one fill
# looked at. Tried on triplets: with a third of it none of 249 items comes to its end.
_PATIENCE, _MORE_PATIENCE = 5_000, 50
# The share of all steps that finding the fills may take.
_FINDING = 3


@dataclass(frozen=True)
class _Fill:
    """One fill: how often it has each kind, by place, also as one number that is taken from what is left."""

    code: int
    counts: tuple[tuple[int, int], ...]
    slack: float
    items: Items


class Cover:
    """One search for ``bins`` bins of a shelf, bounded in steps."""

    def __init__(self, problem: Problem, shelf: Shelf, bins: int, steps: int) -> None:
        """Start with all steps."""
        self.problem, self.shelf, self.bins, self.steps = problem, shelf, bins, steps
        self._ends = 0
        self._random = Random(0)  # noqa: S311 - the order in which equals are tried
        self._chosen: list[Items] = []
        self._guards = 0

    def run(self, items: Sequence[int]) -> list[Items] | None:
        """Return the items for each bin, or None where no way was found."""
        pool = dict(sorted(Counter(items).items()))
        waste = self.bins * self.shelf.worth - fsum(self.problem.worth[number] for number in items)
        if waste < -TOLERANCE:
            return None
        bits = max(pool.values()).bit_length() + 1
        self._guards = sum(1 << (place + 1) * bits - 1 for place in range(len(pool)))
        ways = self._fills(pool, waste, bits)
        left = self._guards + sum(count << place * bits for place, count in enumerate(pool.values()))
        while self.steps > 0:
            self._chosen = []
            self._ends = max(self.steps - _PATIENCE - _MORE_PATIENCE * len(ways), 0)
            if self._search(left, list(pool.values()), ways, waste):
                return self._chosen + [()] * (self.bins - len(self._chosen))
            if self.steps > self._ends:  # all was tried
                return None
        return None

    def _fills(self, pool: Mapping[int, int], waste: float, bits: int) -> list[_Fill]:
        order = list(pool)
        place = {number: position for position, number in enumerate(order)}
        each = self.steps // _FINDING // len(order)
        ways = []
        for position, number in enumerate(order):
            have = {one: min(pool[one], self.problem.most[one]) for one in order[position:]}
            have[number] -= 1
            room = Room(self.shelf.code, self.shelf.worth).less(self.problem, (number,))
            found, steps = fills(self.problem, have, room, Wanted(waste, _FOUND), each)
            self.steps -= steps
            for slack, items in _kept(found):
                counts = Counter(place[one] for one in (number, *items))
                code = sum(count << at * bits for at, count in counts.items())
                ways.append(_Fill(code, tuple(counts.items()), slack, (number, *items)))
        return ways

    def _search(self, left: int, counts: Sequence[int], ways: Sequence[_Fill], waste: float) -> bool:
        if left == self._guards:
            return True
        rarest = self._rarest(counts, ways)
        if rarest is None or self.steps <= self._ends or len(self._chosen) == self.bins:
            return False
        for way in self._with(rarest, ways, waste / (self.bins - len(self._chosen))):
            rest, slack = left - way.code, waste - way.slack
            remaining = list(counts)
            for place, count in way.counts:
                remaining[place] -= count
            guards = self._guards
            still = [
                one for one in ways if (rest - one.code) & guards == guards and one.slack <= slack + TOLERANCE
            ]
            self._chosen.append(way.items)
            if self._search(rest, remaining, still, slack):
                return True
            self._chosen.pop()
            if self.steps <= self._ends:
                return False
        return False

    def _rarest(self, counts: Sequence[int], ways: Sequence[_Fill]) -> int | None:
        """Return the place of the kind with the fewest fills for each item; None where one has none."""
        self.steps -= len(ways) + 5
        having = [0] * len(counts)
        for way in ways:
            for place, _ in way.counts:
                having[place] += 1
        choices = [(having[place] / count, place) for place, count in enumerate(counts) if count]
        fewest, place = min(choices)
        return place if fewest else None

    def _with(self, place: int, ways: Sequence[_Fill], usual: float) -> list[_Fill]:
        """Return the fills with that kind, the tightest first, equally tight ones in any order."""
        having = [way for way in ways if any(one == place for one, _ in way.counts)]
        return sorted(
            having,
            key=lambda way: (
                round(way.slack + usual * self._random.random(), 9),
                self._random.random(),
            ),
        )


def _kept(found: Sequence[tuple[float, Items]]) -> list[tuple[float, Items]]:
    """Return the tightest fills, and some of few items: where much may be wasted, not all can be tight."""
    tight = sorted(found)[:_KEPT]
    few = sorted(found, key=lambda fill: (len(fill[1]), fill))[:_FEW]
    return sorted({*tight, *few})
