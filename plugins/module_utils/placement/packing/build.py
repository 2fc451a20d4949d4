# SPDX-License-Identifier: GPL-3.0-or-later
"""The first packing: bin after bin, each filled as well as can be, and the fill repeated over bins alike."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from .filling import Choice, Manner, fill_one
from .fills import TOLERANCE, Items
from .problem import Problem, Shelf

# A resource of which little is asked for still counts as if so much of each bin were.
_LEAST_SHARE = 0.05
# Steps of the searches for all bins together, and for one at the least and at the most; likewise how many
# kinds are looked at for one bin, by the number of items. So time grows with their number, and not faster.
_STEPS, _FEWEST_STEPS, _MOST_STEPS = 50_000, 30, 2000
_LOOKS, _FEWEST_LOOKS = 200_000, 16
# The largest kinds are always among those that are looked at.
_LARGEST = 4
# Whether the largest item that fits opens a bin, and what each item costs beside the slack: the first does
# best on most mixes, the others where few items fill a bin to the last unit, or many of few shapes do.
MANNERS = (
    Manner("largest", 0.03),
    Manner("fitting", 0.0),
    Manner("largest", 0.1),
    Manner("largest", 0.0),
)


@dataclass(frozen=True)
class Filled:
    """One bin and the items in it: the position of its shelf, and its index."""

    shelf: int
    bin: int
    items: Items


def build(problem: Problem, goal: int, manner: Manner) -> tuple[list[Filled], list[int]]:
    """Return the bins with something in them, and how many items of each kind are left over.

    ``goal``: how many unused bins are hoped to do. ``manner``: how each of them is filled.
    """
    work = _Build(problem, goal, manner)
    for position, shelf in enumerate(problem.shelves):
        while shelf.used and work.fill(position):
            pass
    work.open()
    return work.filled, work.left


class _Build:
    """The bins filled so far, and what is left to fill and to place."""

    def __init__(self, problem: Problem, goal: int, manner: Manner) -> None:
        self.problem = problem
        self.filled: list[Filled] = []
        self.left = list(problem.counts)
        self._asked = [
            sum(size[resource] * count for size, count in zip(problem.sizes, self.left, strict=True)) / whole
            for resource, whole in enumerate(problem.scale)
        ]
        self._free = [len(shelf.bins) for shelf in problem.shelves]
        self._hoped = goal + sum(len(shelf.bins) for shelf in problem.shelves if shelf.used)
        items = max(sum(problem.counts), 1)
        self._looks = max(_LOOKS // items, _FEWEST_LOOKS)
        steps = min(max(_STEPS // max(min(self._hoped, items), 1), _FEWEST_STEPS), _MOST_STEPS)
        self._manner, self._steps = manner, steps
        menus = {shelf.menu for shelf in problem.shelves}
        self._allowed = {menu: frozenset(menu) for menu in menus}
        self._alive = {menu: [number for number in menu if problem.worth[number]] for menu in menus}
        self._unused: dict[tuple[int, ...], list[int]] = defaultdict(list)  # of each menu, the largest last
        for position in reversed(range(len(problem.shelves))):
            if not problem.shelves[position].used:
                self._unused[problem.shelves[position].menu].append(position)
        self._limited = sorted(
            (number for number, count in enumerate(problem.counts) if problem.most[number] < count),
            key=lambda number: (-problem.counts[number] / problem.most[number], number),
        )

    def fill(self, position: int, number: int | None = None) -> bool:
        """Fill as many bins of a shelf alike as there are items for; False: nothing fits, or no bin is left.

        ``number``: the kind that the bin is opened for; it is in it, if few other bins may hold it.
        """
        if not self._free[position]:
            return False
        shelf = self.problem.shelves[position]
        counts = Counter(items := self._items(shelf, number))
        times = min((self.left[one] // count for one, count in counts.items()), default=0)
        times = min(times, self._free[position])
        first = len(shelf.bins) - self._free[position]
        self.filled += (Filled(position, index, items) for index in shelf.bins[first : first + times])
        self._free[position] -= times
        self._take(counts, times)
        return times > 0

    def open(self) -> None:
        """Open unused bins, each for the kind that is hardest to place: few may hold it, or it is large."""
        homes, worth = self.problem.homes, self.problem.worth
        some = (number for number in range(len(homes)) if worth[number])
        for number in sorted(some, key=lambda number: (homes[number], number)):
            while self.left[number] and (position := self._largest(number)) is not None:
                self.fill(position, number)

    def _largest(self, number: int) -> int | None:
        """Return the shelf of the largest unused bin that may hold the kind and does, or None."""
        found = []
        for menu, positions in self._unused.items():
            while positions and not self._free[positions[-1]]:
                positions.pop()
            if number in self._allowed[menu]:
                fitting = (one for one in reversed(positions) if self._holds(one, number))
                found += [next(fitting, None)]
        return min((one for one in found if one is not None), default=None)

    def _holds(self, position: int, number: int) -> bool:
        return self._free[position] > 0 and self.problem.fits(number, self.problem.shelves[position].code)

    def _items(self, shelf: Shelf, number: int | None) -> Items:
        """Return what to put into one bin."""
        bins_left = max(self._hoped - len(self.filled), ceil(max(self._asked, default=0) - TOLERANCE), 1)
        most = max(self._asked, default=0) or 1.0
        share = [max(part, _LEAST_SHARE * most) / bins_left for part in self._asked]
        seeds = self._seeds(shelf, number, bins_left)
        wanted = {*self._looked_at(shelf), *seeds, *(() if number is None else (number,))}
        have = {one: min(self.left[one], self.problem.most[one]) for one in sorted(wanted)}
        return fill_one(self.problem, shelf, Choice(have, seeds, share), self._manner, self._steps)

    def _seeds(self, shelf: Shelf, number: int | None, bins_left: int) -> list[int]:
        """Return the kinds that must be in: one that few bins may hold, and those of which few may be in one.

        Of the latter so many are left that about every bin to come needs one.
        """
        problem, allowed = self.problem, self._allowed[shelf.menu]
        seeds = [] if number is None or problem.homes[number] == 1 else [number]
        code = shelf.code - sum(problem.codes[one] for one in seeds)
        for one in self._limited:
            if problem.counts[one] <= (bins_left - 1) * problem.most[one]:
                break
            urgent = self.left[one] > (bins_left - 1) * problem.most[one]
            if urgent and one in allowed and one not in seeds and problem.fits(one, code):
                seeds.append(one)
                code -= problem.codes[one]
        return seeds

    def _looked_at(self, shelf: Shelf) -> list[int]:
        """Return the kinds to choose from: all that are not too large, or some of them, of each size."""
        alive, worth = self._alive[shelf.menu], self.problem.worth
        start = bisect_left(alive, -shelf.worth - TOLERANCE, key=lambda number: -worth[number])
        if len(alive) - start <= self._looks:
            return alive[start:]
        stride = -(-(len(alive) - start) // (self._looks - _LARGEST))
        # Where the sampling begins moves on with each bin, so that each kind has its turn.
        begin = start + _LARGEST + len(self.filled) % stride
        return alive[start : start + _LARGEST] + alive[begin::stride]

    def _take(self, counts: Mapping[int, int], times: int) -> None:
        """Take the items of so many bins out of what is left."""
        for number, count in counts.items():
            self.left[number] -= count * times
            for resource, part in enumerate(self.problem.sizes[number]):
                self._asked[resource] -= part * count * times / self.problem.scale[resource]
            if not self.left[number]:
                self._end(number)

    def _end(self, number: int) -> None:
        """Look at a kind no more, of which nothing is left."""
        for alive in self._alive.values():
            at = bisect_left(alive, number)
            if at < len(alive) and alive[at] == number:
                del alive[at]
