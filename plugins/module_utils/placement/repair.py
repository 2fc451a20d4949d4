# SPDX-License-Identifier: GPL-3.0-or-later
"""For what the first pass leaves without a room, others make way, as far as they are newly placed themselves.

Bounded, and the same for the same input: a slot may be put elsewhere for another, and one more for that one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from heapq import nsmallest
from itertools import islice

from .board import Board
from .feasible import refusal
from .fill import best_of
from .lane import company
from .room import Room
from .shape import Key, Shape

_STEPS = 2000  # tries for all slots of one placing
_ROOMS = 24  # rooms that are tried for one slot
_DEPTH = 2

Found = dict[Key, dict[int, Room]]  # process -> slot number -> room


class Repair:
    """The newly placed, by node, while they make way."""

    def __init__(self, shapes: dict[Key, Shape], found: Found, board: Board) -> None:
        """Begin with what the first pass has found; it is changed."""
        self._shapes, self._found, self._board = shapes, found, board
        self._steps = _STEPS
        named = {ref for shape in shapes.values() for ref in shape.together}
        # Who has company, or is counted against others elsewhere, stays: moving it could wrong these.
        self._fixed = {
            key
            for key, shape in shapes.items()
            if shape.max_skew is not None or not named.isdisjoint(shape.names)
        }
        self._on: dict[int, list[tuple[Key, int]]] = {}
        for key, rooms in sorted(found.items()):
            for number, room in sorted(rooms.items()):
                self._on.setdefault(room.index, []).append((key, number))

    def place(self, key: Key, number: int) -> bool:
        """Find a room for a slot, if others can make way."""
        return self._insert(key, number, _DEPTH, ())

    def _insert(self, key: Key, number: int, depth: int, closed: Collection[int]) -> bool:
        shape = self._shapes[key]
        rooms = [room for room in company(shape, self._board) if room.index not in closed]
        if depth < _DEPTH:  # that none is free for the first one is known
            best = best_of(rooms, shape, number)
            if best is not None:
                self._put(key, number, best)
                return True
        if depth == 0:
            return False
        nearest = nsmallest(_ROOMS, rooms, key=lambda room: (_lacks(room, shape), room.index))
        return any(self._make_way(key, number, room, depth, closed) for room in nearest)

    def _make_way(self, key: Key, number: int, room: Room, depth: int, closed: Collection[int]) -> bool:
        for other, theirs in islice(self._movable(room, key), _ROOMS):
            if self._steps <= 0:
                return False
            self._steps -= 1
            self._remove(other, theirs)
            if not refusal(room, self._shapes[key], number):
                self._put(key, number, room)
                if self._insert(other, theirs, depth - 1, (*closed, room.index)):
                    return True
                self._remove(key, number)
            self._put(other, theirs, room)
        return False

    def _movable(self, room: Room, key: Key) -> Iterator[tuple[Key, int]]:
        """Yield one slot of each process that may be put elsewhere, the smallest first."""
        one_of = {other: theirs for other, theirs in self._on.get(room.index, ()) if other not in self._fixed}
        one_of.pop(key, None)
        shapes = self._shapes
        yield from sorted(one_of.items(), key=lambda it: (shapes[it[0]].memory, shapes[it[0]].millicores, it))

    def _put(self, key: Key, number: int, room: Room) -> None:
        self._board.take(room, self._shapes[key], number)
        self._found.setdefault(key, {})[number] = room
        self._on.setdefault(room.index, []).append((key, number))

    def _remove(self, key: Key, number: int) -> None:
        room = self._found[key].pop(number)
        self._board.put_back(room, self._shapes[key], number)
        self._on[room.index].remove((key, number))


def _lacks(room: Room, shape: Shape) -> float:
    """Return how much of a shape a room lacks: the share of it that is missing, of memory or cpu."""
    memory = max(shape.memory - room.memory, 0) / max(shape.memory, 1)
    return max(memory, max(shape.millicores - room.millicores, 0) / max(shape.millicores, 1))
