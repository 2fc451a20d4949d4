# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms in the order in which a strategy likes them, kept from one process to the next.

A shape's rooms are cut into lanes: those of one lane share the values of all labels that the shape counts over,
and the weight of its preferences. So only the strategy's own term orders a lane, and that is not about any one
process: all shapes of a class take from the same lanes.

An entry of a lane is (what the strategy says, index of the room, version of the room). One whose room has
changed since is put right when it comes to the top. Where a change can only have made a room better, the board
says which have changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush, heapreplace

from .board import Board
from .feasible import Rule
from .rank import STRATEGIES, Strategy, count_here, weight
from .room import Room
from .shape import ANY, Shape

Entry = tuple[float, int, int]
Top = tuple[int, float, int]  # how many of the process stand there, what the strategy says, index of the room


class Lane:
    """The rooms that differ only in what a strategy says of them."""

    __slots__ = ("_closed", "_seen", "heap", "indices", "rooms", "some", "strategy", "weight")

    def __init__(self, some: list[Room], strategy: Strategy, weight: int) -> None:
        """Order some rooms, at least one; all meet preferences of the same weight."""
        board, likes = some[0].board, strategy.likes
        self.some, self.strategy, self.weight = some[0], strategy, weight
        self.rooms = board.rooms
        self.indices = frozenset() if strategy.grows else frozenset(room.index for room in some)
        self.heap: list[Entry] = [(likes(room), room.index, room.version) for room in some]
        heapify(self.heap)
        self._seen = len(board.changes)
        # Where somebody stands who is apart from all other apps: rooms for the processes of one app only.
        self._closed: dict[str, list[int]] = {}

    def put(self, indices: Iterable[int]) -> None:
        """Put rooms back."""
        heap, rooms, likes = self.heap, self.rooms, self.strategy.likes
        for index in indices:
            room = rooms[index]
            heappush(heap, (likes(room), index, room.version))

    def catch_up(self, board: Board) -> None:
        """Put in anew what has changed, where a change can have made it better."""
        if self.indices and self._seen < len(board.changes):
            self.put(self.indices.intersection(board.changes[self._seen :]))
            self._seen = len(board.changes)

    def close(self, room: Room, app: str) -> bool:
        """Say whether a room is for one other app alone; then it is put aside until that app comes."""
        owners = {key[0] for key in room.shunned.get(ANY, ())}
        if len(owners) != 1 or app in owners:
            return False
        self._closed.setdefault(owners.pop(), []).append(room.index)
        return True

    def open(self, app: str) -> None:
        """Put in the rooms that are for this app alone."""
        if app in self._closed:
            self.put(self._closed.pop(app))


class Cursor:
    """One process on its way along a lane. Rooms that it cannot use, or has used, are put back at the end."""

    __slots__ = ("_aside", "_board", "_evenly", "_key", "_own", "_rules", "_shape", "lane")

    def __init__(self, lane: Lane, shape: Shape, board: Board, rules: tuple[Rule, ...]) -> None:
        """Begin at the top; the rules refuse single rooms, apart from what these have left."""
        lane.catch_up(board)
        lane.open(shape.app)
        self.lane, self._shape, self._board, self._rules = lane, shape, board, rules
        self._evenly, self._key = lane.strategy.evenly, shape.key
        self._aside: list[int] = []
        self._own: list[Top] = []  # rooms that hold the process, where that counts

    def best(self) -> Top | None:
        """Return what stands for the best room that can hold one more, None if there is none."""
        lane, heap, rooms = self.lane, self.lane.heap, self.lane.rooms
        while heap:
            likes, index, version = heap[0]
            room = rooms[index]
            if version != room.version:
                self._refresh(room)
            elif self._refuses(room):
                heappop(heap)
                if not (room.shunned and lane.close(room, self._key[0])):
                    self._aside.append(index)
            elif self._evenly and self._key in room.held and (here := count_here(room, self._shape)):
                heappop(heap)
                heappush(self._own, (here, likes, index))
            else:
                return 0, likes, index
        while self._own and self._refuses(rooms[self._own[0][2]]):
            self._aside.append(heappop(self._own)[2])
        return self._own[0] if self._own else None

    def take(self, top: Top, number: int) -> Room:
        """Place a slot in the room that ``best`` has just returned."""
        here, _, index = top
        heappop(self._own if here else self.lane.heap)
        room = self.lane.rooms[index]
        self._board.take(room, self._shape, number)
        likes = self.lane.strategy.likes(room)
        if self._evenly:
            heappush(self._own, (here + 1, likes, index))
        else:
            heappush(self.lane.heap, (likes, index, room.version))
        return room

    def close(self) -> None:
        """Put all rooms back for the next process."""
        self.lane.put(self._aside)
        self.lane.put(index for _, _, index in self._own)

    def _refuses(self, room: Room) -> bool:
        shape = self._shape
        if room.memory < shape.memory or room.millicores < shape.millicores:
            return True
        if shape.wants_port and room.free_ports < 1:
            return True
        return any(rule(room, shape, None) for rule in self._rules)

    def _refresh(self, room: Room) -> None:
        """Put the top entry right, whose room has changed."""
        lane = self.lane
        if lane.strategy.grows:
            heapreplace(lane.heap, (lane.strategy.likes(room), room.index, room.version))
        else:
            heappop(lane.heap)  # what it is now was put in when it changed


def lanes_of(shape: Shape, board: Board) -> list[Lane]:
    """Return the lanes of a shape."""
    if shape.together:
        return _cut(shape, company(shape, board))
    at = board.kind(shape), shape.labels, shape.preferences, shape.strategy
    if at not in board.lanes:
        board.lanes[at] = _cut(shape, board.field(shape))
    return board.lanes[at]


def company(shape: Shape, board: Board) -> list[Room]:
    """Return the rooms of a shape's field on which somebody stands whom it must be with."""
    field = board.field(shape)
    for ref in shape.together:
        held = {index for key, at in board.where.items() if ref.names(key, shape.key) for index in at}
        field = [room for room in field if room.index in held]
    return field


def _cut(shape: Shape, rooms: Iterable[Room]) -> list[Lane]:
    strategy, cuts = STRATEGIES[shape.strategy], shape.labels
    alike: dict[tuple[int, tuple[str | None, ...]], list[Room]] = {}
    for room in rooms:
        met = weight(room, shape) if shape.preferences else 0
        values = tuple([room.facts.get(label) for label in cuts])
        alike.setdefault((met, values), []).append(room)
    return [Lane(some, strategy, met) for (met, _), some in alike.items()]
