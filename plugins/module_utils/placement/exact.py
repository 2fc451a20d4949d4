# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is a placement at all, decided by OR-Tools CP-SAT where it is installed: it need not be.

The question is put as counts, how many of each process stand on each node: slots of a process are alike.
One worker, a fixed seed and a bound in the solver's own deterministic time give the same answer each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from .board import Board
from .feasible import FITTING, first_refusal, holds
from .room import Room
from .shape import Key, Shape

_CELLS = 50_000  # processes times nodes
_SECONDS = 5.0  # of the solver's deterministic time

Group = tuple[Shape, list[int]]


@cache
def solver() -> Any | None:
    """Return the solver's module, None if it is not installed."""
    try:
        return import_module("ortools.sat.python.cp_model")
    except ImportError:
        return None


def decide(groups: Sequence[Group], board: Board) -> dict[Key, dict[int, Room]] | None:
    """Return rooms for all slots, taken already; None if there are none, or nobody can tell.

    The groups are in the order in which they are to be placed: whom others must be with before these.
    """
    cp_model = solver()
    if not can_decide(groups, board):
        return None
    question = _Question(cp_model, groups, board)
    counts = question.answer()
    return _carried_out(groups, counts, board) if counts else None


def can_decide(groups: Sequence[Group], board: Board) -> bool:
    """Say whether there is a solver, and the question is not too large for it."""
    asked = all(shape.publish is None for shape, _ in groups)  # of single ports it knows nothing
    return asked and len(groups) * len(board) <= _CELLS and solver() is not None


class _Question:
    def __init__(self, cp_model: Any, groups: Sequence[Group], board: Board) -> None:
        self._cp_model, self._groups, self._board = cp_model, groups, board
        self._model = cp_model.CpModel()
        self._counts: dict[tuple[Key, int], Any] = {}  # process and node -> how many
        self._some: dict[tuple[Key, int], Any] = {}  # whether any

    def answer(self) -> dict[tuple[Key, int], int] | None:
        """Return how many of each process go to each node."""
        for shape, numbers in self._groups:
            self._ask_for(shape, len(numbers))
        for room in self._board.rooms:
            self._fits(room)
        for shape, _ in self._groups:
            self._within_bounds(shape)
            self._evenly(shape)
            self._apart(shape)
            self._together(shape)
        solver = self._cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = _SECONDS
        status = solver.solve(self._model)
        if status not in (self._cp_model.OPTIMAL, self._cp_model.FEASIBLE):
            return None
        return {at: solver.value(count) for at, count in self._counts.items()}

    def _ask_for(self, shape: Shape, number: int) -> None:
        for room in self._board.field(shape):
            if first_refusal(FITTING, room, _alone(shape), None) or _cannot_be_even(room, shape):
                continue
            at = shape.key, room.index
            self._counts[at] = self._model.new_int_var(0, number, "")
            self._some[at] = self._model.new_bool_var("")
            self._model.add(self._counts[at] >= 1).only_enforce_if(self._some[at])
            self._model.add(self._counts[at] == 0).only_enforce_if(self._some[at].negated())
        self._model.add(sum(self._of(shape, self._board.rooms)) == number)

    def _of(self, shape: Shape, rooms: Iterable[Room]) -> list[Any]:
        found = (self._counts.get((shape.key, room.index)) for room in rooms)
        return [count for count in found if count is not None]

    def _fits(self, room: Room) -> None:
        here = [
            (shape, self._counts[at])
            for shape, _ in self._groups
            if (at := (shape.key, room.index)) in self._counts
        ]
        self._model.add(sum(count * shape.memory for shape, count in here) <= max(room.memory, 0))
        self._model.add(sum(count * shape.millicores for shape, count in here) <= max(room.millicores, 0))
        self._model.add(sum(count for shape, count in here if shape.wants_port) <= max(room.free_ports, 0))

    def _within_bounds(self, shape: Shape) -> None:
        if shape.max_per_node is not None:
            for room in self._board.rooms:
                most = max(shape.max_per_node - len(room.holds(shape)), 0)
                self._model.add(sum(self._of(shape, [room])) <= most)
        for label, most in shape.max_per:
            for value, rooms in self._by_value(label).items():
                held = self._board.tally(shape, label).count(value)
                self._model.add(sum(self._of(shape, rooms)) <= max(most - held, 0))

    def _evenly(self, shape: Shape) -> None:
        label = shape.spread
        if label is None or shape.max_skew is None:
            return
        tally, by_value = self._board.tally(shape, label), self._by_value(label)
        values = sorted(self._board.values_of(shape, label))
        new = {value: sum(self._of(shape, by_value[value])) for value in values}
        for value in values:
            touched = self._model.new_bool_var("")
            self._model.add(new[value] == 0).only_enforce_if(touched.negated())
            for other in values:
                more = new[value] + tally.staying(value) - new[other] - tally.staying(other)
                self._model.add(more <= shape.max_skew).only_enforce_if(touched)

    def _apart(self, shape: Shape) -> None:
        for other, _ in self._groups:
            if any(ref.names(other.key, shape.key) for ref in shape.apart):
                per = shape.apart_per
                places = (
                    [[room] for room in self._board.rooms] if per is None else self._by_value(per).values()
                )
                for rooms in places:
                    self._not_both(shape, other, rooms)

    def _not_both(self, shape: Shape, other: Shape, rooms: Iterable[Room]) -> None:
        rooms = list(rooms)
        for mine in (self._some.get((shape.key, room.index)) for room in rooms):
            for theirs in (self._some.get((other.key, room.index)) for room in rooms):
                if mine is not None and theirs is not None:
                    self._model.add_bool_or([mine.negated(), theirs.negated()])

    def _together(self, shape: Shape) -> None:
        for ref in shape.together:
            for room in self._board.rooms:
                mine = self._some.get((shape.key, room.index))
                if mine is not None and not holds(room, ref, shape):
                    anchors = (it.key for it, _ in self._groups if ref.names(it.key, shape.key))
                    there = [self._some[at] for key in anchors if (at := (key, room.index)) in self._some]
                    self._model.add_bool_or([mine.negated(), *there])

    def _by_value(self, label: str) -> dict[str, list[Room]]:
        found: dict[str, list[Room]] = {}
        for room in self._board.rooms:
            if (value := room.facts.get(label)) is not None:
                found.setdefault(value, []).append(room)
        return found


def _alone(shape: Shape) -> Shape:
    """Return the shape without those it must be with: they may come too."""
    return shape.without(together=())


def _cannot_be_even(room: Room, shape: Shape) -> bool:
    return shape.max_skew is not None and room.facts.get(shape.spread or "") is None


def _carried_out(
    groups: Sequence[Group], counts: dict[tuple[Key, int], int], board: Board
) -> dict[Key, dict[int, Room]]:
    found: dict[Key, dict[int, Room]] = {}
    for shape, numbers in groups:
        rooms = [room for room in board.rooms for _ in range(counts.get((shape.key, room.index), 0))]
        found[shape.key] = dict(zip(numbers, rooms, strict=True))
        for number, room in found[shape.key].items():
            board.take(room, shape, number)
    return found
