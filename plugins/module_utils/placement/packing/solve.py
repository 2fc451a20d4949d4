# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way: read, build, improve, and say which of the given kinds is where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum

from .bound import least
from .build import MANNERS, build
from .fills import TOLERANCE
from .improve import Packing, improve
from .model import Bin, Kind
from .problem import Problem, Shelf, read

# All manners of building are tried for a fourth of this many items, fewer for more, one always.
_ITEMS = 16_000


def pack(kinds: Sequence[Kind], bins: Sequence[Bin]) -> tuple[Mapping[int, int], ...]:
    """Return, for each bin, how many items of which kind it gets, by the kind's index.

    As many items as possible are placed, in as few unused bins as possible; one that fits nowhere is in no
    bin. Raises ValueError where sizes have different numbers of resources, or none.
    """
    problem = read(kinds, bins)
    packing = _built(problem)
    placed = [count - left for count, left in zip(problem.counts, packing.left, strict=True)]
    packing = improve(problem, packing, least(problem, placed))
    return _Result(problem, packing, len(bins)).contents()


def _built(problem: Problem) -> Packing:
    goal = least(problem, problem.counts)
    tried: list[Packing] = []
    for manner in MANNERS[: max(_ITEMS // max(sum(problem.counts), 1), 1)]:
        tried.append(Packing(*build(problem, goal, manner)))
        if tried[-1].cost(problem) <= (0, goal):
            break
    if all(any(packing.left) for packing in tried):
        tried.append(_sparing(problem, goal))
    return min(tried, key=lambda packing: packing.cost(problem))


def _sparing(problem: Problem, goal: int) -> Packing:
    """Pack only the smallest items, as many as all bins have room for: where not all fit, so most do."""
    room = fsum(shelf.worth * len(shelf.bins) for shelf in problem.shelves) + TOLERANCE
    counts = [0] * len(problem.counts)
    for number in reversed(range(len(counts))):
        worth = problem.worth[number]
        counts[number] = min(problem.counts[number], int(room / worth)) if worth else problem.counts[number]
        room -= counts[number] * worth
    filled, left = build(replace(problem, counts=tuple(counts)), goal, MANNERS[0])
    spared = (all_ - some for all_, some in zip(problem.counts, counts, strict=True))
    return Packing(filled, [some + other for some, other in zip(left, spared, strict=True)])


class _Result:
    """What is in each bin, by number of the kind, and at last by the given kinds."""

    def __init__(self, problem: Problem, packing: Packing, bins: int) -> None:
        self.problem = problem
        self.left = list(packing.left)
        self.held: list[Counter[int]] = [Counter() for _ in range(bins)]
        for one in packing.filled:
            self.held[one.bin].update(one.items)

    def contents(self) -> tuple[Mapping[int, int], ...]:
        if any(self.left):
            self._sweep()
        sources = [[list(member) for member in members] for members in self.problem.members]
        return tuple(
            dict(sorted(pair for number, count in held.items() for pair in _drawn(sources[number], count)))
            for held in self.held
        )

    def _sweep(self) -> None:
        """Put what is left over wherever it fits as things stand: used bins first, then opened ones."""
        for opened in (True, False):
            for shelf in self.problem.shelves:
                for index in shelf.bins:
                    if opened == (shelf.used or bool(self.held[index])):
                        self._top_up(shelf, self.held[index])

    def _top_up(self, shelf: Shelf, held: Counter[int]) -> None:
        codes, guards, most = self.problem.codes, self.problem.guards, self.problem.most
        code = shelf.code - sum(codes[number] * count for number, count in held.items())
        left = (number for number in shelf.menu if self.left[number])
        for number in [number for number in left if (code - codes[number]) & guards == guards]:
            while self.left[number] and held[number] < most[number] and self.problem.fits(number, code):
                held[number] += 1
                self.left[number] -= 1
                code -= codes[number]


def _drawn(source: list[list[int]], count: int) -> list[tuple[int, int]]:
    """Take so many items from the given kinds that a number stands for, the first ones first."""
    drawn = []
    while count:
        index, left = source[0]
        taken = min(count, left)
        drawn.append((index, taken))
        count -= taken
        source[0][1] -= taken
        if not source[0][1]:
            source.pop(0)
    return drawn
