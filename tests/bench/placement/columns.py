# SPDX-License-Identifier: GPL-3.0-or-later
"""A strong lower bound of the bins that a case needs: Gilmore and Gomory's linear program over all fills.

How often each possible fill of a bin is used, as a fraction, is found by column generation: fills are added
as long as one of them is worth more, by the program's prices, than a bin costs. Prices are rounded to whole
numbers and the most valuable fill is found exactly, so the bound holds whatever the program's floats are.
For one resource and bins alike; needs OR-Tools, a development dependency.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from .cases import Case

_SCALE = 10**7  # of a price: 1 is what a bin costs
_ENOUGH = _SCALE + 100  # the program's own tolerance is a tenth of that
_TOLERANCE = 1e-6
_ROUNDS = 2_000


class _Fill(NamedTuple):
    """How many items of which size are in a bin, and what they are worth by the prices."""

    counts: dict[int, int]
    worth: int


def applies(case: Case) -> bool:
    """Tell whether there is such a bound: one resource, all bins alike and empty, no limits."""
    return (
        len({one.free for one in case.bins}) == 1
        and len(case.bins[0].free) == 1
        and not any(one.used for one in case.bins)
        and all(kind.most is None and kind.bins is None for kind in case.kinds)
    )


def bound(case: Case) -> int:
    """Return how few bins may do, at the best."""
    wanted: dict[int, int] = {}
    for kind in case.kinds:
        wanted[kind.size[0]] = wanted.get(kind.size[0], 0) + kind.count
    return _bound(sorted(wanted, reverse=True), wanted, case.bins[0].free[0])


def _bound(sizes: Sequence[int], wanted: dict[int, int], capacity: int) -> int:
    lp: Any = import_module("ortools.linear_solver.pywraplp")
    program = lp.Solver.CreateSolver("GLOP")
    rows = [program.Constraint(wanted[size], program.infinity()) for size in sizes]

    def add(counts: dict[int, int]) -> None:
        used = program.NumVar(0, program.infinity(), "")
        program.Objective().SetCoefficient(used, 1)
        for at, count in counts.items():
            rows[at].SetCoefficient(used, count)

    program.Objective().SetMinimization()
    for at, size in enumerate(sizes):
        add({at: min(capacity // size, wanted[size])})
    best = 0
    for _ in range(_ROUNDS):
        program.Solve()
        prices = [max(int(row.dual_value() * _SCALE), 0) for row in rows]
        fill = _dearest(sizes, wanted, capacity, prices)
        total = sum(price * wanted[size] for price, size in zip(prices, sizes, strict=True))
        best = max(best, -(-total // max(fill.worth, _SCALE)))
        if fill.worth <= _ENOUGH or best >= program.Objective().Value() - _TOLERANCE:
            break  # more fills make the program's own value less, and the bound is never more than that
        add(fill.counts)
    return best


def _dearest(sizes: Sequence[int], wanted: dict[int, int], capacity: int, prices: Sequence[int]) -> _Fill:
    """Return the fill of one bin that is worth most, exactly."""
    knapsack: Any = import_module("ortools.algorithms.python.knapsack_solver")
    solver = knapsack.KnapsackSolver(knapsack.SolverType.KNAPSACK_DYNAMIC_PROGRAMMING_SOLVER, "fill")
    items = [
        at
        for at, size in enumerate(sizes)
        for _ in range(min(wanted[size], capacity // size))
        if prices[at] > 0
    ]
    solver.init([prices[at] for at in items], [[sizes[at] for at in items]], [capacity])
    worth = solver.solve()
    counts: dict[int, int] = {}
    for place, at in enumerate(items):
        if solver.best_solution_contains(place):
            counts[at] = counts.get(at, 0) + 1
    return _Fill(counts, worth)
