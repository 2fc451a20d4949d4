# SPDX-License-Identifier: GPL-3.0-or-later
"""How few bins packing opens, over a lower bound, and how long it takes: one row for each class of cases."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import product

from ansible_collections.fairlead.paas.plugins.module_utils.placement.packing import pack
from ansible_collections.fairlead.paas.plugins.module_utils.placement.packing.bound import least
from ansible_collections.fairlead.paas.plugins.module_utils.placement.packing.problem import read

from . import cases, columns, exact
from .cases import Case
from .rows import Row

SOLVING = 5.0
"""Seconds that the exact solver gets for a case; those that it does not close then are not counted."""


def quality(seeds: int) -> Iterator[Row]:
    """Yield the ratio over the lower bound, class by class, with so many seeds for each set of parameters."""
    each = range(seeds)
    yield _ratios("web, 5,000 of 30 shapes", (cases.web(seed) for seed in each), 1.005)
    for pieces in ((2, 4), (3, 6), (6, 12)):
        made = (cases.whole_bins(bins, pieces, seed) for bins, seed in product((50, 100, 200), each))
        yield _ratios("no waste, {} to {} a bin".format(*pieces), made, 1.02)
    for items in (60, 120, 249, 501):
        yield _ratios(f"triplets, {items}", (cases.triplets(items // 3, seed) for seed in each), 1.02)
    for items in (120, 250, 500, 1000):
        yield _ratios(f"uniform, {items}", (cases.uniform(items, seed) for seed in each), 1.01)
    numbers = (50, 100, 200, 500)
    first = product(numbers, (100, 120, 150), (1, 20, 30), each)
    yield _ratios("Scholl 1", (cases.scholl_1(*drawn) for drawn in first), 1.01)
    second = product(numbers, (3, 5, 7, 9), (20, 50, 90), each)
    yield _ratios("Scholl 2", (cases.scholl_2(*drawn) for drawn in second), 1.01)
    yield _ratios("Scholl 3", (cases.scholl_3(seed) for seed in each), 1.01)


def optimal(seeds: int) -> Iterator[Row]:
    """Yield the share of small cases, of those that CP-SAT closes, in which no packing opens fewer bins."""
    if not exact.available():
        return
    same, seconds = [], []
    for seed in range(20 * seeds):
        case = cases.small(seed)
        opened, taken = measured(case)
        best = opened if opened == bound(case) else exact.optimum(case, opened, SOLVING)
        if best is not None:
            same.append(float(opened == best))
            seconds.append(taken)
    yield Row("as good as CP-SAT", tuple(same), tuple(seconds), 0.95, least=True)


def speed(seeds: int) -> Iterator[Row]:
    """Yield how long large cases take."""
    for items, kinds, within in ((10_000, 1000, 0.3), (100_000, 1000, 3.0)):
        name, each = f"{items:,} of {kinds:,} kinds", range(min(seeds, 3))
        alike = (cases.many(items, kinds, seed) for seed in each)
        yield _ratios(f"{name}, nodes alike", alike, None, within)
        # No ratio: where each node has its own rest of both resources, no bound is near what is possible.
        at_work = [measured(cases.fleet(items, kinds, seed))[1] for seed in each]
        yield Row(f"{name}, fleet at work", (), tuple(at_work), within=within)


def measured(case: Case) -> tuple[int, float]:
    """Return how many unused bins are opened, and the seconds of processor time. All items must be placed."""
    began = time.process_time()
    packed = pack(case.kinds, case.bins)
    seconds = time.process_time() - began
    placed = sum(sum(held.values()) for held in packed)
    if placed != case.items:
        raise ArithmeticError(f"{case.name}: {placed} of {case.items} items were placed")
    return sum(bool(held) and not one.used for held, one in zip(packed, case.bins, strict=True)), seconds


def bound(case: Case) -> int:
    """Return the optimum where the recipe says it, else the lower bound."""
    problem = read(case.kinds, case.bins)
    return case.optimum or least(problem, problem.counts)


def strong_bound(case: Case, opened: int) -> int:
    """Return the lower bound; where more bins are opened, a better one, if OR-Tools can find one."""
    found = bound(case)
    if opened > found and not case.optimum and exact.available() and columns.applies(case):
        return max(found, columns.bound(case))
    return found


def _ratios(name: str, made: Iterable[Case], target: float | None, within: float | None = None) -> Row:
    ratios, seconds = [], []
    for case in made:
        opened, taken = measured(case)
        ratios.append(opened / max(strong_bound(case, opened), 1))
        seconds.append(taken)
    return Row(name, tuple(ratios), tuple(seconds), target, within)
