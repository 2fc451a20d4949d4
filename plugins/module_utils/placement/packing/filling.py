# SPDX-License-Identifier: GPL-3.0-or-later
"""One bin filled from its own point of view, as Panigrahy et al. do in "Heuristics for vector bin packing".

The next item is the one that brings the bin on and keeps what is left of it in the proportions of what is
left to place: without the second, the last bins get what nothing goes with. The last few items are searched
for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import fsum, inf
from typing import Literal

from .fills import Items, Room, best_fill
from .problem import Problem, Shelf

# What imbalance costs against progress. Below 1.5 large items win over fitting ones, above 3 the odd ones are
# left for the end: tried on mixes like the web's.
_IMBALANCE = 2.2
# How much sooner a kind is taken that few bins may hold, measured in whole bins.
_SCARCE = 1.0
# So many of a bin's last items are taken out again and searched for: what came before hardly matters.
_TAIL = 6


@dataclass(frozen=True)
class Manner:
    """How bins are filled. No one manner is the best for all mixes, so several are tried.

    ``first``: the largest item that fits, or the one that fits best into the proportions. ``dear``: what each
    item costs beside the slack.
    """

    first: Literal["largest", "fitting"]
    dear: float


@dataclass(frozen=True)
class Choice:
    """What there is to fill one bin with.

    ``have``: how many of each kind it may get, the largest first. ``seeds``: the kinds of which it must have
    one. ``share``: the part of each resource that bins will have to give on average.
    """

    have: Mapping[int, int]
    seeds: Sequence[int]
    share: Sequence[float]


def fill_one(problem: Problem, shelf: Shelf, choice: Choice, manner: Manner, steps: int) -> Items:
    """Return the items for one empty bin, seeds first; the search for the last ones takes so many steps."""
    room, have, seeds = Room(shelf.code, shelf.worth), choice.have, choice.seeds
    if manner.first == "largest" and not seeds:
        seeds = list(islice((number for number in have if problem.fits(number, room.code)), 1))
    greedy = [*seeds, *_greedy(problem, shelf, replace(choice, seeds=seeds))]
    kept = greedy[: max(len(greedy) - _TAIL, len(seeds), 1)]
    rest = _without(have, kept)
    searched = kept + list(best_fill(problem, rest, room.less(problem, kept), manner.dear, steps))
    return tuple(max(greedy, searched, key=lambda items: fsum(problem.worth[number] for number in items)))


def _greedy(problem: Problem, shelf: Shelf, choice: Choice) -> list[int]:
    """Take the best next item until none fits. Only the two scarcest resources are kept in balance."""
    left = _without(choice.have, choice.seeds)
    candidates = _candidates(problem, shelf, choice, left)
    code, guards = Room(shelf.code, shelf.worth).less(problem, choice.seeds).code, problem.guards
    tilted = -fsum(tilt for _, _, tilt, _ in _candidates(problem, shelf, choice, choice.seeds))
    taken: list[int] = []
    while candidates := [one for one in candidates if (code - one[0]) & guards == guards]:
        best, chosen = -inf, candidates[0]
        for one in candidates:
            _, progress, tilt, _ = one
            score = progress - _IMBALANCE * abs(tilted - tilt)
            if score > best:
                best, chosen = score, one
        size, _, tilt, number = chosen
        code -= size
        tilted -= tilt
        taken.append(number)
        left[number] -= 1
        if not left[number]:
            candidates.remove(chosen)
    return taken


_Candidate = tuple[int, float, float, int]
"""A kind's code, how far an item brings the bin on, how much more of the scarcest it takes, its number."""


def _candidates(problem: Problem, shelf: Shelf, choice: Choice, numbers: Iterable[int]) -> list[_Candidate]:
    first, second = _scarcest(choice.share)
    whole = shelf.free[first] * choice.share[first] or 1.0
    other_whole = shelf.free[second] * choice.share[second] or 1.0
    sizes, codes, homes = problem.sizes, problem.codes, problem.homes
    candidates = []
    for number in numbers:
        part, other = sizes[number][first] / whole, sizes[number][second] / other_whole
        scarce = _SCARCE * (1 - homes[number])
        candidates.append((codes[number], part + other + scarce, part - other, number))
    return candidates


def _scarcest(share: Sequence[float]) -> tuple[int, int]:
    """Return the two resources of which most is asked for; the same twice where there is but one."""
    order = sorted(range(len(share)), key=lambda resource: (-share[resource], resource))
    return order[0], order[min(1, len(order) - 1)]


def _without(have: Mapping[int, int], taken: Sequence[int]) -> dict[int, int]:
    left = dict(have)
    for number in taken:
        left[number] = left.get(number, 0) - 1
    return {number: count for number, count in left.items() if count > 0}
