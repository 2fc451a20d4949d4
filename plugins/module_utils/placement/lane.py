# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms in the order in which a strategy likes them, kept from one process to the next.

A shape's rooms are cut into lanes. Those of one lane share the value of the label that the shape is spread
over, and the weight of its preferences. So only the strategy's own term orders a lane, and that is not about
any one process: all shapes of a class take from the same lanes.

An entry of a lane is (what the strategy says, index of the room, version of the room). One whose room has
changed since is put right when it comes to the top. Where a change can have made a room better, the board
says which have changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush, heapreplace

from .board import Board
from .feasible import Rule, unwanted
from .field import Part
from .rank import STRATEGIES, Strategy, count_here, weights_of
from .room import Room
from .shape import ANY, Ref, Shape

Entry = tuple[float, int, int]
Top = tuple[int, float, int]  # how many of the process stand there, what the strategy says, index of the room


class Lane:
    """The rooms that differ only in what a strategy says of them."""

    __slots__ = ("_closed", "heap", "rooms", "some", "strategy", "weight")

    def __init__(self, entries: list[Entry], strategy: Strategy, weight: int, board: Board) -> None:
        """Begin with entries in order, at least one; all meet preferences of the same weight."""
        self.strategy, self.weight = strategy, weight
        self.rooms, self.some = board.rooms, board.rooms[entries[0][1]]
        self.heap = entries
        # Where somebody stands who is apart from all other apps: rooms for the processes of one app only.
        self._closed: dict[str, list[int]] = {}

    def put(self, indices: Iterable[int]) -> None:
        """Put rooms back."""
        heap, rooms, likes = self.heap, self.rooms, self.strategy.likes
        for index in indices:
            room = rooms[index]
            heappush(heap, (likes(room), index, room.version))

    def open(self, app: str) -> None:
        """Put in the rooms that are for this app alone."""
        if app in self._closed:
            self.put(self._closed.pop(app))

    def close(self, room: Room, app: str) -> bool:
        """Say whether a room is for one other app alone; then it is put aside until that app comes."""
        owners = {key[0] for key in room.shunned.get(ANY, ())}
        if len(owners) != 1 or app in owners:
            return False
        self._closed.setdefault(owners.pop(), []).append(room.index)
        return True

    def refresh(self, room: Room) -> None:
        """Put the top entry right, whose room has changed."""
        if self.strategy.grows:
            heapreplace(self.heap, (self.strategy.likes(room), room.index, room.version))
        else:
            heappop(self.heap)  # what it is now was put in when it changed


class Lanes:
    """The lanes of one class of shapes."""

    __slots__ = ("_lane_of", "_seen", "lanes")

    def __init__(self, lanes: list[Lane], board: Board) -> None:
        """Begin with lanes as the board is now."""
        self.lanes = lanes
        self._seen = len(board.changes)
        better = (lane for lane in lanes if not lane.strategy.grows)
        self._lane_of = {index: lane for lane in better for _, index, _ in lane.heap}

    def catch_up(self, board: Board) -> list[Lane]:
        """Return the lanes, with what has changed put in anew where a change can have made it better."""
        if self._lane_of and self._seen < len(board.changes):
            for index in set(board.changes[self._seen :]):
                if lane := self._lane_of.get(index):
                    lane.put((index,))
            self._seen = len(board.changes)
        return self.lanes


class Cursor:
    """One process on its way along a lane. Rooms that it cannot use, or has used, are put back at the end."""

    __slots__ = (
        "_aside",
        "_asks",
        "_board",
        "_evenly",
        "_key",
        "_own",
        "_promised",
        "_rules",
        "_shape",
        "lane",
    )

    def __init__(
        self, lane: Lane, shape: Shape, board: Board, rules: tuple[Rule, ...], asks: Shape | None = None
    ) -> None:
        """Begin at the top; the rules refuse single rooms, apart from what these have left.

        ``asks``: the shape with those who must come along. A room must have space for all of them.
        """
        lane.open(shape.app)
        self.lane, self._shape, self._board, self._rules = lane, shape, board, rules
        self._evenly, self._key = lane.strategy.evenly, shape.key
        self._aside: list[int] = []
        self._own: list[Top] = []  # rooms that hold the process, where that counts
        self._asks = asks or shape
        self._promised: dict[int, int] = {}  # index of a room -> how many of those who come along it awaits

    def run(self, numbers: Iterable[int]) -> dict[int, Room]:
        """Return rooms for slots as long as there is one: ``best`` and ``take`` again and again.

        What is usual, a room at the top that is as the lane says and takes one more, is done here at once.
        """
        lane, shape, own = self.lane, self._shape, self._own
        heap, rooms, likes, take = lane.heap, lane.rooms, lane.strategy.likes, self._board.take
        plain = lane.strategy.grows and self._asks is shape and not self._rules
        found: dict[int, Room] = {}
        for number in numbers:
            while plain and heap and heap[0][2] != rooms[heap[0][1]].version:
                room = rooms[heap[0][1]]
                heapreplace(heap, (likes(room), room.index, room.version))
            if not heap or not plain or not self._is_usual(rooms[heap[0][1]]):
                top = self.best()
                if top is None:
                    break
                found[number] = self.take(top, number)
                continue
            room = found[number] = rooms[heap[0][1]]
            take(room, shape, number)
            if self._evenly:
                heappop(heap)
                heappush(own, (1, likes(room), room.index))
            else:
                heapreplace(heap, (likes(room), room.index, room.version))
        return found

    def _is_usual(self, room: Room) -> bool:
        """Say whether a room has space for one, and nothing else is to be looked at."""
        shape = self._shape
        return (
            room.memory >= shape.memory
            and room.millicores >= shape.millicores
            and room.free_ports >= shape.wants_port
            and shape.key not in room.held
            and not room.shunned
        )

    def best(self) -> Top | None:
        """Return what stands for the best room that can hold one more, None if there is none."""
        lane, heap, rooms = self.lane, self.lane.heap, self.lane.rooms
        while heap:
            likes, index, version = heap[0]
            room = rooms[index]
            if version != room.version:
                lane.refresh(room)
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
        room = self.lane.rooms[index]
        self._board.take(room, self._shape, number)
        if self._asks is not self._shape:
            self._promised[index] = self._promised.get(index, 0) + 1
        likes = self.lane.strategy.likes(room)
        if not self._evenly:
            heapreplace(self.lane.heap, (likes, index, room.version))
            return room
        if here:
            heapreplace(self._own, (here + 1, likes, index))
        else:
            heappop(self.lane.heap)
            heappush(self._own, (1, likes, index))
        return room

    def close(self) -> None:
        """Put all rooms back for the next process."""
        if self._aside:
            self.lane.put(self._aside)
        if self._own:
            heap, rooms = self.lane.heap, self.lane.rooms
            for _, likes, index in self._own:
                heappush(heap, (likes, index, rooms[index].version))

    def _refuses(self, room: Room) -> bool:
        shape = self._asks
        if room.memory < shape.memory or room.millicores < shape.millicores:
            return True
        if shape.wants_port and room.free_ports < 1:
            return True
        if self._promised and room.index in self._promised and not self._has_room_for_one_more(room):
            return True
        if room.shunned and unwanted(room, self._shape):
            return True
        for rule in self._rules:  # noqa: SIM110 - any() with a generator takes twice as long
            if rule(room, self._shape, None):
                return True
        return False

    def _has_room_for_one_more(self, room: Room) -> bool:
        """Say whether a room has space for what it was promised to, and as much once more."""
        shape, asks, awaited = self._shape, self._asks, self._promised[room.index]
        memory = room.memory - awaited * (asks.memory - shape.memory)
        cpu = room.millicores - awaited * (asks.millicores - shape.millicores)
        return memory >= asks.memory and cpu >= asks.millicores


def lanes_of(shape: Shape, board: Board) -> list[Lane]:
    """Return the lanes of a shape."""
    if shape.together:
        likes = STRATEGIES[shape.strategy].likes
        entries = [(likes(room), room.index, room.version) for room in company(shape, board)]
        return _cut(shape, sorted(entries), board)
    parts = board.fields.parts(shape)
    lanes = _of_part(shape, parts[0], board)
    return (
        lanes
        if len(parts) == 1
        else [*lanes, *(it for part in parts[1:] for it in _of_part(shape, part, board))]
    )


def company(shape: Shape, board: Board) -> list[Room]:
    """Return the rooms of a shape's field on which somebody stands whom it must be with, by name."""
    if not shape.together:
        return board.field(shape)
    held = set.intersection(*(_holding(ref, shape, board) for ref in shape.together))
    parts = board.fields.parts(shape)
    return [board.rooms[index] for index in sorted(held) if any(index in part.indices for part in parts)]


def _holding(ref: Ref, shape: Shape, board: Board) -> set[int]:
    """Return the indices of the nodes that hold somebody whom a shape must be with."""
    if ref.process:
        return set(board.where.get((ref.app, ref.process), ()))
    return {index for key, at in board.where.items() if ref.names(key, shape.key) for index in at}


def _of_part(shape: Shape, part: Part, board: Board) -> list[Lane]:
    at = part, shape.spread, shape.preferences, shape.strategy
    lanes = board.lanes.get(at)
    if lanes is None:
        indices = part.indices
        entries = [entry for entry in _in_order(shape.strategy, board) if entry[1] in indices]
        lanes = board.lanes[at] = Lanes(_cut(shape, entries, board), board)
    return lanes.catch_up(board)


def _cut(shape: Shape, entries: list[Entry], board: Board) -> list[Lane]:
    """Return entries in order as lanes in order."""
    strategy, label = STRATEGIES[shape.strategy], shape.spread
    if label is None and not shape.preferences:
        return [Lane(entries, strategy, 0, board)] if entries else []
    weights, rooms = weights_of(shape, board), board.rooms
    alike: dict[tuple[int, str | None], list[Entry]] = {}
    for entry in entries:
        value = rooms[entry[1]].facts.get(label) if label else None
        alike.setdefault((weights.get(entry[1], 0), value), []).append(entry)
    return [Lane(some, strategy, met, board) for (met, _), some in alike.items()]


def _in_order(strategy: str, board: Board) -> list[Entry]:
    """Return entries of all rooms in order; not always as they are now, if changes only make rooms worse.

    What is in order is a heap, and remains one when some are left out.
    """
    likes, grows = STRATEGIES[strategy].likes, STRATEGIES[strategy].grows
    when, entries = board.orders.get(strategy, (0, []))
    if not entries or len(board.changes) - when > grows * 2 * len(board.rooms):
        entries = sorted([(likes(room), room.index, room.version) for room in board.rooms])
        board.orders[strategy] = len(board.changes), entries
    return entries
