# SPDX-License-Identifier: GPL-3.0-or-later
"""All slots of one process, one after the other: each gets the room that is best by then."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot

from .board import Board
from .feasible import Rule, changing_rules, first_refusal, refusal, unwanted
from .lane import Cursor, company, lanes_of
from .rank import NOWHERE, count_in_value, score
from .room import Room
from .shape import Shape

_Queued = tuple[float, int, int, float, int, int]  # count in value, -weight, top of the lane, its place


class Along(NamedTuple):
    """Those who must come along with a process: a ``unit`` is one of it, with a fair part of all of them."""

    unit: Shape
    followers: tuple[Shape, ...]


def fill(shape: Shape, numbers: Iterable[int], board: Board, along: Along | None = None) -> dict[int, Room]:
    """Return a room for each slot number, taken already, until there is none for the next.

    ``along``: a room must have space for the whole unit, and no rule may keep any of the followers out.
    """
    rules, unit = changing_rules(shape, board), None
    if along:
        rules, unit = (*rules, *(_lets_in(follower, board) for follower in along.followers)), along.unit
    cursors = [Cursor(lane, shape, board, rules, unit) for lane in lanes_of(unit or shape, board)]
    if len(cursors) == 1 and shape.max_skew is None and board.witness is None:
        found = cursors[0].run(numbers)
    else:
        found = _from_many(cursors, shape, numbers, board, unit)
    for cursor in cursors:
        cursor.close()
    return found


def _lets_in(follower: Shape, board: Board) -> Rule:
    """Return the rule that a room must let in somebody who comes along."""
    alone = follower.without(together=())
    rules = (*changing_rules(alone, board), unwanted)

    def rule(room: Room, _shape: Shape, _number: int | None) -> str | None:
        return first_refusal(rules, room, alone, None)

    return rule


def best_for(shape: Shape, number: int, board: Board) -> Room | None:
    """Return the best room for one slot, of which an old instance stands somewhere and counts once only."""
    return best_of(company(shape, board), shape, number)


def best_of(rooms: Iterable[Room], shape: Shape, number: int) -> Room | None:
    """Return the best of some rooms for one slot, None if all refuse it."""
    free = (room for room in rooms if not refusal(room, shape, number))
    return min(free, key=lambda room: (score(room, shape), room.index), default=None)


def _from_many(
    cursors: list[Cursor], shape: Shape, numbers: Iterable[int], board: Board, asks: Shape | None
) -> dict[int, Room]:
    found, queue = {}, _Queue(cursors, shape, board)
    for number in numbers:
        if board.witness:
            board.witness.see(shape, None, board, Slot(*shape.key, number), asks)
        chosen = queue.next()
        if chosen is None:
            break
        cursor, top = chosen
        found[number] = cursor.take(top, number)
        queue.put(cursor)
    return found


class _Queue:
    """The lanes of one process, the one with the best room first."""

    def __init__(self, cursors: list[Cursor], shape: Shape, board: Board) -> None:
        self._cursors, self._shape = cursors, shape
        self._places = {id(cursor): place for place, cursor in enumerate(cursors)}
        self._queue: list[_Queued] = []
        self._tally = board.tally(shape, shape.spread) if shape.spread else None
        # Values that get nothing more; how few stand there bounds all others by max_skew.
        self._over: set[str] = set()
        if shape.spread and shape.max_skew is not None:
            self._over |= board.values_of(shape, shape.spread) - {self._value(it) or "" for it in cursors}
        for cursor in cursors:
            self.put(cursor)

    def put(self, cursor: Cursor) -> None:
        """Put a lane in, by its best room; leave it out for good if it has none."""
        top = cursor.best()
        if top is None:
            self._drop(cursor)
            return
        count = count_in_value(cursor.lane.some, self._shape)
        heappush(self._queue, (count, -cursor.lane.weight, *top, self._places[id(cursor)]))

    def next(self) -> tuple[Cursor, tuple[int, float, int]] | None:
        """Return the lane with the best room, and what stands for that room."""
        while self._queue:
            count, _, here, likes, index, place = heappop(self._queue)
            cursor = self._cursors[place]
            if count_in_value(cursor.lane.some, self._shape) != count:
                self.put(cursor)
            elif self._too_skew(count):
                return None  # all that follow have as many at least
            else:
                return cursor, (here, likes, index)
        return None

    def _too_skew(self, count: float) -> bool:
        most, tally = self._shape.max_skew, self._tally
        if most is None or tally is None:
            return False
        if count == NOWHERE:
            return True
        fewest = min((tally.staying(value) for value in self._over), default=count)
        return count + 1 - min(fewest, count) > most

    def _drop(self, cursor: Cursor) -> None:
        value = self._value(cursor)
        if value is not None:
            self._over.add(value)

    def _value(self, cursor: Cursor) -> str | None:
        label = self._shape.spread
        return cursor.lane.some.facts.get(label) if label else None
