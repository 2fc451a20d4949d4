# SPDX-License-Identifier: GPL-3.0-or-later
"""The optimum of small cases by OR-Tools' CP-SAT, where it is installed: a development dependency only."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from .cases import Case

MISSING = "OR-Tools is not installed: `pip install ortools`"


def available() -> bool:
    """Tell whether OR-Tools is installed."""
    return find_spec("ortools") is not None


def optimum(case: Case, at_most: int, seconds: float) -> int | None:
    """Return how few of the case's bins, all alike, hold all items, or None where it took too long.

    ``at_most``: how many are known to do. One worker, so that the answer does not depend on the machine.
    """
    cp: Any = import_module("ortools.sat.python.cp_model")
    model = cp.CpModel()
    opened = [model.new_bool_var(f"bin {number}") for number in range(at_most)]
    for before, after in pairwise(opened):
        model.add_implication(after, before)
    placed = [
        [model.new_int_var(0, kind.count, f"kind {index} in {number}") for number in range(at_most)]
        for index, kind in enumerate(case.kinds)
    ]
    for kind, counts in zip(case.kinds, placed, strict=True):
        model.add(sum(counts) == kind.count)
    for number, is_open in enumerate(opened):
        for resource, free in enumerate(case.bins[0].free):
            parts = [kind.size[resource] for kind in case.kinds]
            taken = [part * counts[number] for part, counts in zip(parts, placed, strict=True)]
            model.add(sum(taken) <= free * is_open)
    model.minimize(sum(opened))
    solver = cp.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = seconds
    return round(solver.objective_value) if solver.solve(model) == cp.OPTIMAL else None
