# SPDX-License-Identifier: GPL-3.0-or-later
"""A packing made better: items that were left over find a place, then bin after bin is closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import fsum
from random import Random

from .build import Filled
from .cover import Cover
from .problem import Problem
from .repack import Repacking

# Steps for all that is tried, half a second at the most: so many for each item, but less for more than so
# many items, so that time does not grow faster than they do.
_STEPS, _EACH, _ITEMS = 500_000, 8000, 1000
# Bins that are packed anew at once: enough for a way to exist, few enough to find it. Steps for one attempt.
_BINS, _ATTEMPT = 20, 20_000
# The exact cover is for this many bins and items at the most, and takes this share of the steps.
_COVERED_BINS, _COVERED_ITEMS, _COVER = 90, 260, 2
# Where all bins are packed anew at once, so many attempts in vain are enough.
_VAIN = 12
# A bin with less slack than this is full.
_FULL = 1e-6


@dataclass(frozen=True)
class Packing:
    """The bins with something in them, and how many items of each kind are left over."""

    filled: Sequence[Filled]
    left: Sequence[int]

    def cost(self, problem: Problem) -> tuple[int, int]:
        """Return the items left over and the unused bins opened: the fewer, the better."""
        return sum(self.left), sum(not problem.shelves[one.shelf].used for one in self.filled if one.items)


def improve(problem: Problem, packing: Packing, goal: int) -> Packing:
    """Return a packing at least as good; ``goal`` is the number of opened bins that ends the search."""
    return _Improvement(problem, packing, goal).run()


class _Improvement:
    def __init__(self, problem: Problem, packing: Packing, goal: int) -> None:
        self.problem, self.goal = problem, goal
        items = max(sum(problem.counts), 1)
        self.steps = min(_STEPS, _EACH * items, _STEPS * _ITEMS // items)
        self.random = Random(0)  # noqa: S311 - which bins are tried together; the same each time
        self.left = list(packing.left)
        self._hold([*packing.filled, *_untouched(problem, packing.filled)])

    def _hold(self, bins: Iterable[Filled]) -> None:
        """Take these bins as they are; an unused one that has become empty is opened no more."""
        self.bins = [one for one in bins if one.items or self.problem.shelves[one.shelf].used]
        self.slack = [self._slack(one) for one in self.bins]

    def run(self) -> Packing:
        self._settle()
        if self._opened() > self.goal:
            self._cover()
        vain = 0
        while self.steps > 0 and self._opened() > self.goal and vain < _VAIN:
            vain += not self._close() and len(self.bins) <= _BINS + 1
        return Packing([one for one in self.bins if one.items], self.left)

    def _opened(self) -> int:
        return sum(not self.problem.shelves[one.shelf].used for one in self.bins)

    def _slack(self, one: Filled) -> float:
        return self.problem.shelves[one.shelf].worth - fsum(
            self.problem.worth[number] for number in one.items
        )

    def _cover(self) -> None:
        """Pack all anew, where all bins are alike and few: for the goal, or for one bin less than now."""
        shelves = {one.shelf for one in self.bins}
        items = [number for one in self.bins for number in one.items]
        if len(shelves) > 1 or len(self.bins) > _COVERED_BINS or len(items) > _COVERED_ITEMS:
            return
        position = shelves.pop()
        for bins in range(self.goal, len(self.bins)):
            cover = Cover(self.problem, self.problem.shelves[position], bins, self.steps // _COVER)
            allowed = cover.steps
            found = cover.run(items)
            self.steps -= allowed - cover.steps
            if found is not None:
                indexes = self.problem.shelves[position].bins
                pairs = zip(indexes, found, strict=False)
                self._hold([Filled(position, index, fill) for index, fill in pairs])
                return

    def _settle(self) -> None:
        """Find room for what is left over, one item at a time, the smallest first."""
        for number in reversed([number for number, count in enumerate(self.left) if count]):
            homes = [at for at, one in enumerate(self.bins) if self._may_hold(one, number)]
            self.steps -= len(self.bins)
            while homes and self.left[number] and self.steps > 0:
                chosen = self._choose(homes)
                if not self._repack(chosen, chosen, (number,)):
                    break
                self.left[number] -= 1
            if self.steps <= 0:
                break
        self._hold(self.bins)

    def _may_hold(self, one: Filled, number: int) -> bool:
        shelf = self.problem.shelves[one.shelf]
        return (
            self.problem.worth[number] > 0 and number in shelf.menu and self.problem.fits(number, shelf.code)
        )

    def _close(self) -> bool:
        """Try to empty the opened bin with the least in it into some others; tell whether that was done."""
        shelves = self.problem.shelves
        opened = [at for at, one in enumerate(self.bins) if not shelves[one.shelf].used]
        least = min(opened, key=lambda at: shelves[self.bins[at].shelf].worth - self.slack[at])
        chosen = self._choose([at for at in range(len(self.bins)) if at != least])
        if not self._repack(chosen, [*chosen, least], ()):
            return False
        self._hold(one for at, one in enumerate(self.bins) if at != least)
        return True

    def _choose(self, among: Sequence[int]) -> list[int]:
        """Return some bins to pack anew together: those with slack first, at random, and some others."""
        self.steps -= 2 * len(among)
        ordered = sorted(among, key=lambda at: (-round(self.slack[at], 9), self.random.random()))
        first = min(sum(self.slack[at] > _FULL for at in among), _BINS // 2)
        rest = ordered[first:]
        return ordered[:first] + self.random.sample(rest, min(len(rest), _BINS - first))

    def _repack(self, into: Sequence[int], out_of: Sequence[int], more: Sequence[int]) -> bool:
        """Move the items of these bins, and some more, into those; tell whether it was possible."""
        shelves = self.problem.shelves
        order = sorted(into, key=lambda at: (self.bins[at].shelf, at))
        items = [number for at in out_of for number in self.bins[at].items] + list(more)
        allowed = min(self.steps, _ATTEMPT)
        search = Repacking(self.problem, [shelves[self.bins[at].shelf] for at in order], allowed, self.random)
        found = search.run(items)
        self.steps -= allowed - search.steps + len(items)
        for at, fill in zip(order, found or (), strict=False):
            self.bins[at] = replace(self.bins[at], items=fill)
            self.slack[at] = self._slack(self.bins[at])
        return found is not None


def _untouched(problem: Problem, filled: Iterable[Filled]) -> list[Filled]:
    """Return the used bins that nothing was put into."""
    touched = {one.bin for one in filled}
    return [
        Filled(position, index, ())
        for position, shelf in enumerate(problem.shelves)
        if shelf.used
        for index in shelf.bins
        if index not in touched
    ]
