# SPDX-License-Identifier: GPL-3.0-or-later
"""How few unused bins may do: a number that no packing of all items can beat."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from .problem import Problem


def least(problem: Problem, counts: Sequence[int]) -> int:
    """Return a lower bound of the unused bins that so many items of each kind need, wherever they may go."""
    bounds = [0]
    for resource in range(len(problem.scale)):
        sizes = [size[resource] for size in problem.sizes]
        bounds.append(_by_sum(problem, resource, counts))
        capacities = {shelf.free[resource] for shelf in problem.shelves}
        if len(capacities) == 1 and not any(shelf.used for shelf in problem.shelves):
            bounds.append(large_and_small(sizes, counts, capacities.pop()))
    used = sum(len(shelf.bins) for shelf in problem.shelves if shelf.used)
    spread = [-(-count // most) - used for count, most in zip(counts, problem.most, strict=True)]
    return max(bounds + spread)


def large_and_small(sizes: Sequence[int], counts: Sequence[int], capacity: int) -> int:
    """Return the bound L2 of Martello and Toth (1990), of one resource.

    For each threshold: items above half a bin need one each; those that leave less than the threshold take no
    more of the small ones, down to the threshold, which must go into what the others leave, or into new bins.
    """
    items = sorted(zip(sizes, counts, strict=True), reverse=True)
    ordered = [-size for size, _ in items]
    number = [0, *accumulate(count for _, count in items)]
    total = [0, *accumulate(size * count for size, count in items)]
    half = bisect_left(ordered, -(capacity // 2))
    best = 0
    for threshold in {0, *(size for size, _ in items if 2 * size <= capacity)}:
        alone = min(bisect_left(ordered, threshold - capacity), half)
        end = bisect_right(ordered, -threshold)
        left = (number[half] - number[alone]) * capacity - (total[half] - total[alone])
        best = max(best, number[half] + max(0, -(-(total[end] - total[half] - left) // max(capacity, 1))))
    return best


def _by_sum(problem: Problem, resource: int, counts: Sequence[int]) -> int:
    """Return how many of the largest unused bins hold what the used ones leave of the sum."""
    rest = sum(size[resource] * count for size, count in zip(problem.sizes, counts, strict=True))
    rest -= sum(shelf.free[resource] * len(shelf.bins) for shelf in problem.shelves if shelf.used)
    bins = 0
    unused = [shelf for shelf in problem.shelves if not shelf.used]
    for shelf in sorted(unused, key=lambda shelf: -shelf.free[resource]):
        if rest <= 0 or not shelf.free[resource]:
            break
        taken = min(len(shelf.bins), -(-rest // shelf.free[resource]))
        rest -= taken * shelf.free[resource]
        bins += taken
    return bins
