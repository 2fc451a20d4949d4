# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of a node for each slot: taken from the board at once; a slot that fits nowhere is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot

from .board import Board
from .exact import can_decide, decide
from .feasible import refusal
from .fill import Along, best_for, fill
from .packed import is_plain, packed
from .repair import Found, Repair
from .room import Room
from .search import is_small, search
from .shape import EVERY_OTHER, Key, Shape


@dataclass(frozen=True)
class Demand:
    """One slot that needs a node; ``home`` is the node that it shall stay on if it can.

    ``only``: it may stand there and nowhere else, as one of an app that runs on every node.
    """

    slot: Slot
    shape: Shape
    home: str | None = None
    only: bool = False


class Choice(NamedTuple):
    """Where a slot will stand, and the port it gets there."""

    slot: Slot
    node: str
    port: int | None


class Group(NamedTuple):
    """The slots of one process that need nodes, by number."""

    shape: Shape
    numbers: list[int]


Choices = dict[Slot, Choice]
_Hardness = tuple[bool, int, int, int, Key]


def place(demands: Iterable[Demand], board: Board) -> Choices:
    """Return a choice for each demand that finds one: at home where that is possible, else the best node."""
    demands = tuple(demands)
    at_home = stay(demands, board)
    return at_home | choose((demand for demand in demands if demand.slot not in at_home), board)


def stay(demands: Iterable[Demand], board: Board) -> Choices:
    """Return a choice for each demand that its home can hold; those whom others must be with come first."""
    choices = {}
    demands = tuple(demands)
    depths = depths_of({demand.shape.key: demand.shape for demand in demands})
    for demand in sorted(demands, key=lambda demand: (depths[demand.shape.key], demand.slot)):
        room = board.get(demand.home or "")
        if room and board.witness:
            board.witness.see(demand.shape, demand.slot.number, board, demand.slot)
        if room and not refusal(room, demand.shape, demand.slot.number):
            board.take(room, demand.shape, demand.slot.number)
            choices[demand.slot] = _choice(demand.slot, demand.shape, room)
    return choices


def choose(demands: Iterable[Demand], board: Board) -> Choices:
    """Return a choice for each demand that any node can hold, the best node first."""
    demands = sorted(demands, key=lambda demand: demand.slot)
    bound = [demand for demand in demands if demand.only]
    choices = stay(bound, board)
    shapes: dict[Key, Shape] = {}
    numbers: dict[Key, list[int]] = {}
    for demand in demands:
        if not demand.only:
            shapes[demand.shape.key] = demand.shape
            numbers.setdefault(demand.shape.key, []).append(demand.slot.number)
    found = settle((Group(shapes[key], those) for key, those in numbers.items()), board)
    for key, rooms in sorted(found.items()):
        for number, room in sorted(rooms.items()):
            slot = Slot(*key, number)
            choices[slot] = _choice(slot, shapes[key], room)
    return choices


def settle(groups: Iterable[Group], board: Board, *, together: bool = False) -> Found:
    """Return a room for each slot that finds one, taken already. The hardest to place come first.

    ``together``: what is only to be packed is packed last, all of it at once and not one after the other.
    """
    groups = list(groups)
    company = anchors_of({group.shape.key: group.shape for group in groups})
    followers: dict[Key, list[Group]] = {}
    for group in groups:
        board.bind(group.shape)
        for anchor in company.get(group.shape.key, ()):
            followers.setdefault(anchor, []).append(group)
    found: Found = {}
    in_turn = in_order(groups, board)
    plain = [it for it in in_turn if together and is_plain(it.shape, board, followers)]
    alike = {group.shape.key for group in plain}
    for group in in_turn:
        if group.shape.key not in alike:
            found[group.shape.key] = _settle(group, followers.get(group.shape.key, ()), board)
    found |= packed(plain, board)
    for shape, rest in unfilled(plain, found):
        found[shape.key] |= fill(shape, rest, board)
    return complete(in_turn, found, board)


def unfilled(groups: Iterable[Group], found: Found) -> Iterator[Group]:
    """Yield what of each group has found no room."""
    for shape, numbers in groups:
        rooms = found[shape.key]
        if len(rooms) < len(numbers):
            yield Group(shape, [number for number in numbers if number not in rooms])


def complete(groups: list[Group], found: Found, board: Board) -> Found:
    """Return what the first pass has found, or more: whatever it left is tried harder.

    First some of what was just placed makes way; then, where that is not enough, it is decided whether there
    is a placement of all at all. If not, as many stand as could be placed.
    """
    left = [(shape.key, number) for shape, numbers in unfilled(groups, found) for number in numbers]
    if not left:
        return found
    shapes = {group.shape.key: group.shape for group in groups}
    repair = Repair(shapes, found, board)
    hopeless: set[Key] = set()
    for key, number in left:
        if key not in hopeless and not repair.place(key, number):
            hopeless.add(key)
    if not hopeless or not (is_small(groups, board) or can_decide(groups, board)):
        return found
    standing = [(shapes[key], number, room) for key, rooms in found.items() for number, room in rooms.items()]
    for shape, number, room in standing:
        board.put_back(room, shape, number)
    by_depth = depths_of(shapes)
    anchors_first = sorted(groups, key=lambda group: by_depth[group.shape.key])
    decided = search(anchors_first, board) or decide(anchors_first, board)
    if decided is None:
        for shape, number, room in standing:
            board.take(room, shape, number)
    return found if decided is None else decided


def in_order(groups: Iterable[Group], board: Board) -> list[Group]:
    """Return groups in the order in which they are placed.

    First who wants no other app beside it; then who has the fewest nodes to go to; then the largest. Those
    who must be with others come right after them.
    """
    shapes = {group.shape.key: group.shape for group in groups}
    anchors, depths = anchors_of(shapes), depths_of(shapes)
    turns: dict[Key, _Hardness] = {}
    for key in sorted(shapes, key=lambda key: (depths[key], key)):
        known = [turns[anchor] for anchor in anchors.get(key, ()) if anchor in turns]
        turns[key] = max(known) if known else _hardness(shapes[key], board)
    return sorted(groups, key=lambda it: (turns[it.shape.key], depths[it.shape.key], it.shape.key))


def anchors_of(shapes: Mapping[Key, Shape]) -> dict[Key, list[Key]]:
    """Return whom of these processes each must be with, where it must."""
    by_app: dict[str, list[Key]] = {}
    for key in shapes:
        by_app.setdefault(key[0], []).append(key)
    return {
        key: [
            other
            for ref in shape.together
            for other in by_app.get(ref.app, ())
            if ref.names(other, shape.key)
        ]
        for key, shape in shapes.items()
        if shape.together
    }


def depths_of(shapes: Mapping[Key, Shape]) -> dict[Key, int]:
    """Return how many of these processes stand behind each other in wanting to be with one another."""
    anchors = anchors_of(shapes)
    depths = dict.fromkeys(shapes, 0)
    for _ in anchors:  # as deep as it can be; more would be a circle
        before = {key: depths[key] for key in anchors}
        for key, others in anchors.items():
            depths[key] = max((depths[other] + 1 for other in others), default=0)
        if before == {key: depths[key] for key in anchors}:
            break
    return depths


def _hardness(shape: Shape, board: Board) -> _Hardness:
    alone = shape.apart and any(ref.app == EVERY_OTHER for ref in shape.apart)
    parts = board.fields.parts(shape)
    return (
        not alone,
        sum(len(it.rooms) for it in parts) if len(parts) > 1 else len(parts[0].rooms),
        -shape.memory,
        -shape.millicores,
        shape.key,
    )


def _settle(group: Group, followers: Iterable[Group], board: Board) -> dict[int, Room]:
    shape, numbers = group
    rooms = _once(shape, numbers, board) if shape.max_per else {}
    if followers:
        rooms |= _with_followers(shape, [it for it in numbers if it not in rooms], followers, board)
    if len(rooms) < len(numbers):
        rooms |= fill(shape, [it for it in numbers if it not in rooms], board)
    return rooms


def _with_followers(
    shape: Shape, numbers: list[int], followers: Iterable[Group], board: Board
) -> dict[int, Room]:
    """Return rooms in which there is also room for those who must come along, a fair part of them in each."""
    unit = shape
    for follower, theirs in followers:
        part = -(-len(theirs) // max(len(numbers), 1))
        unit = replace(
            unit,
            memory=unit.memory + part * follower.memory,
            millicores=unit.millicores + part * follower.millicores,
            constraints=tuple(dict.fromkeys((*unit.constraints, *follower.constraints))),
        )
    return fill(shape, numbers, board, Along(unit, tuple(follower for follower, _ in followers)))


def _once(shape: Shape, numbers: Iterable[int], board: Board) -> dict[int, Room]:
    """Return rooms for the slots of which an old instance stands somewhere: old and new count once."""
    old = {number for holders in board.where.get(shape.key, {}).values() for number in holders.values()}
    rooms = {}
    for number in numbers:
        if board.witness and number in old:
            board.witness.see(shape, number, board, Slot(*shape.key, number))
        room = best_for(shape, number, board) if number in old else None
        if room:
            board.take(room, shape, number)
            rooms[number] = room
    return rooms


def _choice(slot: Slot, shape: Shape, room: Room) -> Choice:
    return Choice(slot, room.name, room.open_port() if shape.wants_port else shape.publish)
