# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is a placement at all, tried to the end: for few slots on few nodes, within a bound of steps.

Slots of one process are alike, so each set of rooms for them is tried once, and not in every order.
"""

from __future__ import annotations

from collections.abc import Sequence

from .board import Board
from .feasible import FITTING, first_refusal
from .room import Room
from .shape import Key, Shape

_STEPS = 20_000
_SLOTS, _NODES = 24, 12


class TooMuch(Exception):
    """The bound was reached before there was an answer."""


def search(groups: Sequence[tuple[Shape, list[int]]], board: Board) -> dict[Key, dict[int, Room]] | None:
    """Return rooms for all slots, taken already; None if there are none, or the question is too large.

    The groups are in the order in which they are to be placed: whom others must be with before these.
    """
    if not is_small(groups, board):
        return None
    searching = _Search(groups, board)
    try:
        return searching.found if searching.groups_from(0) else None
    except TooMuch:
        searching.undo()
        return None


def is_small(groups: Sequence[tuple[Shape, list[int]]], board: Board) -> bool:
    """Say whether there are so few slots and nodes that all can be tried."""
    return sum(len(numbers) for _, numbers in groups) <= _SLOTS and len(board) <= _NODES


class _Search:
    def __init__(self, groups: Sequence[tuple[Shape, list[int]]], board: Board) -> None:
        self._groups, self._board = groups, board
        self._steps = _STEPS
        self.found: dict[Key, dict[int, Room]] = {shape.key: {} for shape, _ in groups}

    def groups_from(self, at: int) -> bool:
        """Place this group and all that follow."""
        return at == len(self._groups) or self._slots_from(at, 0, 0)

    def undo(self) -> None:
        """Take back all that is placed."""
        for shape, _ in self._groups:
            for number, room in self.found[shape.key].items():
                self._board.put_back(room, shape, number)
        self.found = {}

    def _slots_from(self, at: int, slot: int, lowest: int) -> bool:
        shape, numbers = self._groups[at]
        if slot == len(numbers):
            return self._even_enough(shape) and self.groups_from(at + 1)
        number = numbers[slot]
        alike = not self._stands_somewhere(shape, number)
        for room in self._board.rooms[lowest if alike else 0 :]:
            self._steps -= 1
            if self._steps < 0:
                raise TooMuch
            if first_refusal(FITTING, room, shape, number):
                continue
            self._board.take(room, shape, number)
            self.found[shape.key][number] = room
            if self._slots_from(at, slot + 1, room.index):
                return True
            del self.found[shape.key][number]
            self._board.put_back(room, shape, number)
        return False

    def _stands_somewhere(self, shape: Shape, number: int) -> bool:
        """Say whether there is an old instance of a slot: then it is not like the others."""
        return any(number in holders.values() for holders in self._board.where.get(shape.key, {}).values())

    def _even_enough(self, shape: Shape) -> bool:
        """Say whether ``max_skew`` holds: slots can be placed in an order in which it always does, then."""
        label = shape.spread
        if label is None or shape.max_skew is None:
            return True
        tally = self._board.tally(shape, label)
        touched = {room.facts.get(label) for room in self.found[shape.key].values()}
        counts = [tally.staying(value) for value in self._board.values_of(shape, label)]
        fewest = min(counts, default=0)
        return all(value is not None and tally.staying(value) - fewest <= shape.max_skew for value in touched)
