# SPDX-License-Identifier: GPL-3.0-or-later
"""What can fill one bin: a bounded depth-first search for little slack.

The idea is the minimum bin slack of Gupta and Ho (1999), as Fleszar and Hindi (2002) bound it: of all sets
of items that fit, the one that leaves the least. Here slack is measured in worth, so any number of
resources will do, and copies of a kind are tried once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .problem import Problem

Items = tuple[int, ...]
"""Numbers of kinds, one for each item."""

TOLERANCE = 1e-9
"""Worth is a sum of floats: less than this is nothing."""

# More items than this are not searched for at once: the search is recursive, and bins of more are filled up
# by their smallest items anyway.
_DEEPEST = 100


@dataclass(frozen=True)
class Room:
    """What a bin has free: as a code, and its worth."""

    code: int
    worth: float

    def less(self, problem: Problem, items: Iterable[int]) -> Room:
        """Return what is free beside these items."""
        code, worth = self.code, self.worth
        for number in items:
            code -= problem.codes[number]
            worth -= problem.worth[number]
        return Room(code, worth)


@dataclass(frozen=True)
class Wanted:
    """Which fills: with so much slack at the most, and so many. With ``dear``, each better than the last.

    ``dear`` is what each item costs beside the slack: few large items are better than many small ones, which
    are of more use in other bins.
    """

    slack: float
    limit: int
    dear: float | None = None


def best_fill(problem: Problem, pool: Mapping[int, int], room: Room, dear: float, steps: int) -> Items:
    """Return the items of the best fill that was found in so many steps; none where nothing fits."""
    found, _ = fills(problem, pool, room, Wanted(room.worth, steps, dear), steps)
    return found[-1][1] if found else ()


def fills(
    problem: Problem, pool: Mapping[int, int], room: Room, wanted: Wanted, steps: int
) -> tuple[list[tuple[float, Items]], int]:
    """Return sets of items from the pool, as slack and items in the order found, and the steps taken.

    A step is one candidate looked at: well under a microsecond.
    """
    order = sorted(number for number, count in pool.items() if count and problem.worth[number])
    worth = [problem.worth[number] for number in order]
    falling = [-one for one in worth]
    codes = [problem.codes[number] for number in order]
    left = [min(pool[number], problem.most[number]) for number in order]
    guards, size, budget = problem.guards, len(order), steps
    smallest = worth[-1] if worth else 1.0
    accepted, dear = wanted.slack + TOLERANCE, wanted.dear or 0.0
    chosen: list[int] = []
    found: list[tuple[float, Items]] = []

    def search(start: int, code: int, slack: float) -> bool:
        """Go on from these items; True ends the whole search."""
        nonlocal steps, accepted
        cost = slack + dear * len(chosen)
        if cost <= accepted:
            found.append((slack, tuple(chosen)))
            if wanted.dear is not None:
                accepted = cost - TOLERANCE
            if len(found) >= wanted.limit or (wanted.dear is not None and slack <= TOLERANCE):
                return True
        if slack < smallest - TOLERANCE or len(chosen) == _DEEPEST:
            return False
        at = bisect_left(falling, -slack - TOLERANCE, start)
        more = int(slack / smallest + TOLERANCE)
        while at < size and more * worth[at] >= slack - accepted:
            steps -= 1
            if steps < 0:
                return True
            rest = code - codes[at]
            if left[at] and rest & guards == guards:
                left[at] -= 1
                chosen.append(order[at])
                if search(at, rest, slack - worth[at]):
                    return True
                chosen.pop()
                left[at] += 1
            at += 1
        return False

    search(0, room.code, room.worth)
    return found, budget - max(steps, 0)
