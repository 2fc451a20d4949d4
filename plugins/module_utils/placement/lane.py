# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms in the order in which a strategy likes them, kept from one process to the next.

A shape's rooms are cut into lanes. Those of one lane share the value of the label that the shape is spread
over, and the weight of its preferences. So only the strategy's own term orders a lane, and that is not about
any one process: all shapes of a class take from the same lanes.

A lane holds the ranks of its rooms. One whose room has changed since is put right when it comes to the top.
Where a change can have made a room better, the board says which have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import NamedTuple

from .board import Board
from .feasible import Rule, unwanted
from .field import Kind, Part
from .rank import STRATEGIES, Strategy, count_here
from .room import INDEX, Room
from .shape import ANY, Ref, Shape

Top = tuple[int, int]  # how many of the process stand there, the room's rank


class Lane:
    """The rooms that differ only in what a strategy says of them."""

    __slots__ = ("_closed", "heap", "rooms", "some", "strategy", "weight")

    def __init__(self, alike: Iterable[Room], strategy: Strategy, weight: int, board: Board) -> None:
        """Begin with at least one room; all meet preferences of the same weight."""
        self.strategy, self.weight, self.rooms = strategy, weight, board.rooms
        self.heap = list(map(strategy.rank, alike))
        self.some = self.rooms[self.heap[0] & INDEX]
        heapify(self.heap)
        # Where somebody stands who is apart from all other apps: rooms for the processes of one app only.
        self._closed: dict[str, list[int]] = {}

    def put(self, indices: Iterable[int]) -> None:
        """Put rooms back."""
        heap, rooms, rank = self.heap, self.rooms, self.strategy.rank
        for index in indices:
            heappush(heap, rank(rooms[index]))

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
            heapreplace(self.heap, self.strategy.rank(room))
        else:
            heappop(self.heap)  # what it is now was put in when it changed


class Lanes:
    """The lanes of one class of shapes."""

    __slots__ = ("_lane_of", "lanes", "seen")

    def __init__(self, lanes: list[Lane], board: Board) -> None:
        """Begin with lanes as the board is now."""
        self.lanes = lanes
        self.seen = len(board.changes)  # the changes that need not be looked at any more
        better = (lane for lane in lanes if not lane.strategy.grows)
        self._lane_of = {rank & INDEX: lane for lane in better for rank in lane.heap}

    def catch_up(self, board: Board) -> None:
        """Put in anew what has changed, where a change can have made it better."""
        lane_of = self._lane_of
        if lane_of and self.seen < len(board.changes):
            rooms, rank = board.rooms, self.lanes[0].strategy.rank
            for index in {*board.changes[self.seen :]}.intersection(lane_of):
                heappush(lane_of[index].heap, rank(rooms[index]))
        self.seen = len(board.changes)


class Errand(NamedTuple):
    """What one process asks of every room.

    ``unit``: the shape with those who must come along; a room must have space for all of them. ``rules``:
    they refuse single rooms, apart from what these have left. ``named``: by which names somebody does not
    want the process on their node.
    """

    shape: Shape
    unit: Shape
    rules: tuple[Rule, ...]
    named: frozenset[Ref]


class Cursor:
    """One process on its way along a lane. Rooms that it cannot use, or has used, are put back at the end."""

    __slots__ = (
        "_aside",
        "_asks",
        "_board",
        "_evenly",
        "_key",
        "_named",
        "_own",
        "_promised",
        "_rules",
        "_shape",
        "lane",
    )

    def __init__(self, lane: Lane, errand: Errand, board: Board) -> None:
        """Begin at the top."""
        self.lane, self._board = lane, board
        self._shape, self._asks, self._rules, self._named = errand
        shape = errand.shape
        lane.open(shape.app)
        self._evenly, self._key = lane.strategy.evenly, shape.key
        self._aside: list[int] = []
        self._own: list[Top] = []  # rooms that hold the process, where that counts
        self._promised: dict[int, int] = {}  # index of a room -> how many of those who come along it awaits

    def run(self, numbers: Sequence[int]) -> dict[int, Room]:
        """Return rooms for slots as long as there is one: ``best`` and ``take`` again and again."""
        found: dict[int, Room] = {}
        while len(found) < len(numbers):
            waiting = numbers[len(found) :] if found else numbers
            found.update(zip(waiting, self._usual(waiting), strict=False))
            if len(found) == len(numbers):
                break
            top = self.best()
            if top is None:
                break
            number = numbers[len(found)]
            found[number] = self.take(top, number)
        return found

    def _usual(self, numbers: Sequence[int]) -> list[Room]:
        """Return rooms, taken, as long as there is at the top what is usual: one that takes one more."""
        chosen: list[Room] = []
        if self._asks is not self._shape:
            return chosen
        lane, shape, board, own = self.lane, self._shape, self._board, self._own
        heap, rooms, rank, grows = lane.heap, lane.rooms, lane.strategy.rank, lane.strategy.grows
        key, memory, cpu, ports = shape.key, shape.memory, shape.millicores, shape.wants_port
        evenly, rules, named = self._evenly, self._rules, self._named
        at_once = evenly and not rules  # each gets another room, so none of them is changed in between
        for number in numbers:
            while heap:
                top = heap[0]
                room = rooms[top & INDEX]
                now = rank(room)
                if now == top:
                    break
                if grows:
                    heapreplace(heap, now)
                else:
                    heappop(heap)
            else:
                break
            if (
                room.memory < memory
                or room.millicores < cpu
                or room.free_ports < ports
                or (evenly and key in room.held)
                or (named and room.shunned and not named.isdisjoint(room.shunned))
                or (rules and self._breaks_rule(room))
            ):
                break
            chosen.append(room)
            if at_once:
                heappop(heap)
                continue
            board.take(room, shape, number)
            if evenly:
                heappop(heap)
                heappush(own, (1, rank(room)))
            else:
                heapreplace(heap, rank(room))
        if at_once and chosen:
            board.take_each(chosen, shape, numbers)
            self._used_up(chosen, all_=len(chosen) == len(numbers))
        return chosen

    def _used_up(self, chosen: list[Room], *, all_: bool) -> None:
        """Put rooms back that hold one now: among all others, if that was all, else behind these."""
        rank = self.lane.strategy.rank
        if all_:
            for room in chosen:
                heappush(self.lane.heap, rank(room))
        else:
            self._own += [(1, rank(room)) for room in chosen]
            heapify(self._own)

    def best(self) -> Top | None:
        """Return what stands for the best room that can hold one more, None if there is none."""
        lane, heap, rooms, rank = self.lane, self.lane.heap, self.lane.rooms, self.lane.strategy.rank
        while heap:
            top = heap[0]
            room = rooms[top & INDEX]
            if top != rank(room):
                lane.refresh(room)
            elif self._refuses(room):
                heappop(heap)
                if not (room.shunned and lane.close(room, self._key[0])):
                    self._aside.append(room.index)
            elif self._evenly and self._key in room.held and (here := count_here(room, self._shape)):
                heappop(heap)
                heappush(self._own, (here, top))
            else:
                return 0, top
        while self._own and self._refuses(rooms[self._own[0][1] & INDEX]):
            self._aside.append(heappop(self._own)[1] & INDEX)
        return self._own[0] if self._own else None

    def take(self, top: Top, number: int) -> Room:
        """Place a slot in the room that ``best`` has just returned."""
        here, index = top[0], top[1] & INDEX
        room = self.lane.rooms[index]
        self._board.take(room, self._shape, number)
        if self._asks is not self._shape:
            self._promised[index] = self._promised.get(index, 0) + 1
        rank = self.lane.strategy.rank(room)
        if not self._evenly:
            heapreplace(self.lane.heap, rank)
        elif here:
            heapreplace(self._own, (here + 1, rank))
        else:
            heappop(self.lane.heap)
            heappush(self._own, (1, rank))
        return room

    def close(self) -> None:
        """Put all rooms back for the next process."""
        if self._aside:
            self.lane.put(self._aside)
        if self._own:
            heap = self.lane.heap
            for _, rank in self._own:
                heappush(heap, rank)

    def _refuses(self, room: Room) -> bool:
        shape = self._asks
        if room.memory < shape.memory or room.millicores < shape.millicores:
            return True
        if shape.wants_port and room.free_ports < 1:
            return True
        if self._promised and room.index in self._promised and not self._has_room_for_one_more(room):
            return True
        shunned = room.shunned
        if self._named and shunned and not self._named.isdisjoint(shunned) and unwanted(room, self._shape):
            return True
        return self._breaks_rule(room)

    def _breaks_rule(self, room: Room) -> bool:
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


def lanes_of(shape: Shape, board: Board) -> list[Lanes]:
    """Return the lanes of a shape, for each part of its field."""
    if shape.together:
        return [_lanes(shape, board.fields.cut(company(shape, board), shape), board)]
    return [_of_part(shape, part, board) for part in board.fields.parts(shape)]


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


def _of_part(shape: Shape, part: Part, board: Board) -> Lanes:
    at = part, shape.spread, shape.preferences, shape.strategy
    lanes = board.lanes.get(at)
    if lanes is None:
        lanes = board.lanes[at] = _lanes(shape, board.fields.cut_part(part, shape), board)
    else:
        lanes.catch_up(board)
    return lanes


def _lanes(shape: Shape, cut: Mapping[Kind, Iterable[Room]], board: Board) -> Lanes:
    strategy = STRATEGIES[shape.strategy]
    return Lanes([Lane(rooms, strategy, met, board) for (met, _), rooms in cut.items()], board)
