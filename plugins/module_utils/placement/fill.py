# SPDX-License-Identifier: GPL-3.0-or-later
"""All slots of one process, one after the other: each gets the room that is best by then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot

from .board import Board
from .feasible import Rule, changing_rules, first_refusal, refusal, unwanted
from .lane import Cursor, Errand, Top, company, lanes_of
from .rank import NOWHERE, score
from .room import Room
from .shape import Shape

_Queued = tuple[float, int, int, int, int]  # count in value, -weight, top of the lane, its place
_UNKNOWN = (-1, 0)  # in place of a top that has not been looked for: it comes before all that are known


class Along(NamedTuple):
    """Those who must come along with a process: a ``unit`` is one of it, with a fair part of all of them."""

    unit: Shape
    followers: tuple[Shape, ...]


def fill(shape: Shape, numbers: Sequence[int], board: Board, along: Along | None = None) -> dict[int, Room]:
    """Return a room for each slot number, taken already, until there is none for the next.

    ``along``: a room must have space for the whole unit, and no rule may keep any of the followers out.
    """
    rules, unit, named = changing_rules(shape, board), shape, board.shunned_as(shape, per_value=False)
    if along:
        rules, unit = (*rules, *(_lets_in(follower, board) for follower in along.followers)), along.unit
    lanes, errand = lanes_of(unit, board), Errand(shape, unit, rules, named)
    cursors = [Cursor(lane, errand, board) for part in lanes for lane in part.lanes]
    if len(cursors) == 1 and shape.max_skew is None and board.witness is None:
        found = cursors[0].run(numbers)
    else:
        found = _from_many(cursors, errand, numbers, board)
    for cursor in cursors:
        cursor.close()
    for part in lanes:
        part.seen = len(board.changes)  # it was here that they were made
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
    return min(free, key=lambda room: score(room, shape), default=None)


def _from_many(
    cursors: list[Cursor], errand: Errand, numbers: Iterable[int], board: Board
) -> dict[int, Room]:
    shape, witness = errand.shape, board.witness
    found, queue = {}, _Queue(cursors, shape, board)
    for number in numbers:
        if witness:
            unit = None if errand.unit is shape else errand.unit
            witness.see(shape, None, board, Slot(*shape.key, number), unit)
        chosen = queue.next()
        if chosen is None:
            break
        cursor, top = chosen
        found[number] = cursor.take(top, number)
        queue.again()
    return found


class _Queue:
    """The lanes of one process, the one with the best room first. Each is known by its place in the list."""

    def __init__(self, cursors: list[Cursor], shape: Shape, board: Board) -> None:
        self._cursors, self._most, label = cursors, shape.max_skew, shape.spread
        self._tally = board.tally(shape, label) if label else None
        self._values = [it.lane.some.facts.get(label) if label else None for it in cursors]
        # Values that get nothing more; how few stand there bounds all others by max_skew.
        self._over: set[str] = set()
        if label and self._most is not None:
            self._over |= board.values_of(shape, label) - {value or "" for value in self._values}
        # The best room of a lane is looked for when no other lane comes before it.
        self._queue: list[_Queued] = [
            (self._count(place), -cursor.lane.weight, *_UNKNOWN, place)
            for place, cursor in enumerate(cursors)
        ]
        heapify(self._queue)

    def next(self) -> tuple[Cursor, Top] | None:
        """Return the lane with the best room, and what stands for that room; None if there is none."""
        queue = self._queue
        while queue:
            count, less, here, rank, place = queue[0]
            cursor = self._cursors[place]
            if self._count(place) != count:
                heapreplace(queue, (self._count(place), less, *_UNKNOWN, place))
            elif (here, rank) == _UNKNOWN:
                top = cursor.best()
                if top is None:
                    self._drop(heappop(queue)[-1])
                else:
                    heapreplace(queue, (count, less, *top, place))
            elif self._too_skew(count):
                return None  # all that follow have as many at least
            else:
                return cursor, (here, rank)
        return None

    def again(self) -> None:
        """Put the lane that ``next`` has returned where it belongs now that one more stands there."""
        _, less, *_, place = self._queue[0]
        heapreplace(self._queue, (self._count(place), less, *_UNKNOWN, place))

    def _count(self, place: int) -> float:
        """Return how many slots of the process stand where a lane's value of ``spread`` is."""
        if self._tally is None:
            return 0
        value = self._values[place]
        return NOWHERE if value is None else self._tally.staying(value)

    def _too_skew(self, count: float) -> bool:
        if self._most is None or self._tally is None:
            return False
        if count == NOWHERE:
            return True
        fewest = min((self._tally.staying(value) for value in self._over), default=count)
        return count + 1 - min(fewest, count) > self._most

    def _drop(self, place: int) -> None:
        value = self._values[place]
        if value is not None:
            self._over.add(value)
