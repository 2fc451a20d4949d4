# SPDX-License-Identifier: GPL-3.0-or-later
"""A few bins packed anew: all these items into all these bins, or not at all.

The search completes bin after bin (Korf 2003, "An improved algorithm for optimal bin packing"): the largest
item must be somewhere, so the next bin has it, in each of the ways that waste no more than all may waste.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import fsum
from random import Random

from .fills import TOLERANCE, Items, Room, Wanted, fills
from .problem import Problem, Shelf

# Fills that are looked for at each bin, the steps for that, and how many of them are followed, the tightest
# first: the search should go wide at the first bins, where it still matters.
_FOUND, _STEPS, _FOLLOWED = 40, 3000, 6
# What it costs to go on to the next bin, in steps.
_BIN = 50


class Repacking:
    """One search, for bins on these shelves (one entry a bin, the largest first), bounded in steps."""

    def __init__(self, problem: Problem, shelves: Sequence[Shelf], steps: int, random: Random) -> None:
        """Start with all steps; ``random`` says in which order equals are tried."""
        self.problem, self.shelves, self.steps, self._random = problem, shelves, steps, random
        self._allowed = {shelf.menu: frozenset(shelf.menu) for shelf in shelves}
        self._pool: dict[int, int] = {}
        self._filled: list[Items] = []

    def run(self, items: Sequence[int]) -> list[Items] | None:
        """Return the items for each bin, or None where no way was found."""
        self._pool = dict(Counter(items))
        worth = self.problem.worth
        waste = fsum(shelf.worth for shelf in self.shelves) - fsum(worth[number] for number in items)
        if waste < -TOLERANCE or not self._complete(waste):
            return None
        return self._filled + [()] * (len(self.shelves) - len(self._filled))

    def _complete(self, waste: float) -> bool:
        """Fill the bins that are left; what was tried in vain is undone."""
        if not self._pool:
            return True
        if len(self._filled) == len(self.shelves):
            return False
        for slack, items in self._ways(waste):
            for number in items:
                self._pool[number] -= 1
                if not self._pool[number]:
                    del self._pool[number]
            self._filled.append(items)
            if self._complete(waste - slack):
                return True
            self._filled.pop()
            for number in items:
                self._pool[number] = self._pool.get(number, 0) + 1
            if self.steps <= 0:
                return False
        return False

    def _ways(self, waste: float) -> list[tuple[float, Items]]:
        """Return fills of the next bin that waste no more, the tightest first, equals in any order."""
        left = self.shelves[len(self._filled) :]
        shelf, problem = left[0], self.problem
        allowed = self._allowed[shelf.menu]
        have = {one: min(count, problem.most[one]) for one, count in self._pool.items() if one in allowed}
        must: Items = ()
        if left[-1] is shelf:  # as all are alike, it is no matter which one has the largest item
            must = (min(self._pool),)
            if must[0] not in allowed or not problem.fits(must[0], shelf.code):
                return []
            have[must[0]] -= 1
        room = Room(shelf.code, shelf.worth).less(problem, must)
        found, steps = fills(problem, have, room, Wanted(waste, _FOUND), min(_STEPS, max(self.steps, 1)))
        self.steps -= steps + _BIN + 2 * len(have)
        usual = waste / len(left)
        ordered = sorted(
            (round(slack + usual * self._random.random(), 9), self._random.random(), slack, items)
            for slack, items in found
        )
        return [(slack, must + items) for _, _, slack, items in ordered[:_FOLLOWED]]
