# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of a node for each slot: taken from the rooms at once; a slot that fits nowhere is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import groupby

from ansible_collections.fairlead.paas.plugins.module_utils.constraints import Constraint
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot

from .feasible import refusal, unmet
from .rank import score
from .room import Room, Rooms, Shape


@dataclass(frozen=True)
class Demand:
    """One slot that needs a node; ``home`` is the node that it shall stay on if it can."""

    slot: Slot
    shape: Shape
    home: str | None = None


@dataclass(frozen=True)
class Choice:
    """Where a slot will stand, and the port it gets there."""

    slot: Slot
    node: str
    port: int | None


Choices = dict[Slot, Choice]


def place(demands: Iterable[Demand], rooms: Rooms) -> Choices:
    """Return a choice for each demand that finds one: at home where that is possible, else the best node."""
    demands = tuple(demands)
    at_home = stay(demands, rooms)
    return at_home | choose((demand for demand in demands if demand.slot not in at_home), rooms)


def stay(demands: Iterable[Demand], rooms: Rooms) -> Choices:
    """Return a choice for each demand that its home can hold."""
    choices = {}
    for demand in sorted(demands, key=lambda demand: demand.slot):
        room = rooms.get(demand.home or "")
        if room and not refusal(room, demand.shape, demand.slot.number):
            choices[demand.slot] = _take(room, demand)
    return choices


def choose(demands: Iterable[Demand], rooms: Rooms) -> Choices:
    """Return a choice for each demand that any node can hold, the best node first.

    Shapes with the fewest nodes to go to come first, then the largest: they are the hardest to place.
    """
    by_slot = sorted(demands, key=lambda demand: demand.slot)
    classes = [(shape, tuple(group)) for shape, group in groupby(by_slot, key=lambda demand: demand.shape)]
    allowed = {shape.constraints: _allowed(shape.constraints, rooms) for shape, _ in classes}
    classes.sort(key=lambda item: _hardness(item[0], len(allowed[item[0].constraints])))
    choices: Choices = {}
    for shape, group in classes:
        choices |= _fill(shape, group, allowed[shape.constraints])
    return choices


def _allowed(constraints: Iterable[Constraint], rooms: Rooms) -> list[Room]:
    return [room for room in rooms.values() if not unmet(constraints, room.node.labels)]


def _hardness(shape: Shape, nodes: int) -> tuple[int, int, int, str]:
    return nodes, -shape.memory, -shape.millicores, str(shape)


def _fill(shape: Shape, demands: Iterable[Demand], rooms: list[Room]) -> Choices:
    """Take the best node again and again; as a score depends on its node alone, only that one changes."""
    heap = [(score(room, shape), room.name, room) for room in rooms if not refusal(room, shape)]
    heapify(heap)
    choices = {}
    for demand in demands:
        if not heap:
            break
        _, name, room = heappop(heap)
        choices[demand.slot] = _take(room, demand)
        if not refusal(room, shape):
            heappush(heap, (score(room, shape), name, room))
    return choices


def _take(room: Room, demand: Demand) -> Choice:
    return Choice(demand.slot, room.name, room.take(demand.slot, demand.shape))
