# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that are only to be packed, all of them at once, so that few nodes are used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .board import Board
from .packing import Bin, Kind, pack
from .room import Room
from .shape import Key, Shape

_BINPACK = "binpack"
_Indices = frozenset[int] | None  # of the nodes that may hold a shape; None for all


class _Part(NamedTuple):
    """So many slots of one shape, by its place among all, in one room."""

    room: Room
    at: int
    many: int


def is_plain(shape: Shape, board: Board, anchors: Collection[Key]) -> bool:
    """Say whether all that is asked of a node is its labels, its room, and not too many of the process."""
    if shape.strategy != _BINPACK or shape.key in anchors:
        return False
    ranked = shape.preferences or shape.spread
    bound = shape.max_per or shape.together or shape.apart or shape.everywhere or shape.publish is not None
    stands = shape.max_per_node is not None and board.where.get(shape.key)
    return not (ranked or bound or stands or board.shunned_as(shape, per_value=True))


def packed(groups: Iterable[tuple[Shape, list[int]]], board: Board) -> Mapping[Key, dict[int, Room]]:
    """Return rooms for slots of plain shapes, taken already; as many as fit, on few nodes."""
    groups = list(groups)
    shapes = [shape for shape, _ in groups]
    counts = [len(numbers) for _, numbers in groups]
    allowed = [_allowed(shape, board) for shape in shapes]
    parts = _beside_others(shapes, counts, allowed, board) or _packed(shapes, counts, allowed, board)
    found: dict[Key, dict[int, Room]] = {shape.key: {} for shape in shapes}
    waiting = [iter(numbers) for _, numbers in groups]
    for room, at, many in parts:
        shape = shapes[at]
        rooms = found[shape.key]
        for _, number in zip(range(many), waiting[at], strict=False):
            board.take(room, shape, number)
            rooms[number] = room
    return found


def _beside_others(
    shapes: Sequence[Shape], counts: Iterable[int], allowed: Sequence[_Indices], board: Board
) -> list[_Part]:
    """Return all slots on nodes that are used already, if these have room: no packing uses fewer nodes.

    The fullest nodes come first, and each gets the largest that fit.
    """
    left = list(counts)
    waiting = sorted(range(len(shapes)), key=lambda at: (-shapes[at].memory, -shapes[at].millicores, at))
    parts: list[_Part] = []
    for room in sorted((it for it in board.rooms if it.held), key=lambda it: (-it.used, it.index)):
        memory, cpu, ports, index = room.memory, room.millicores, room.free_ports, room.index
        ended = False
        for at in waiting:
            shape = shapes[at]
            if memory < shape.memory or cpu < shape.millicores:
                continue
            may = allowed[at]
            if may is not None and index not in may:
                continue
            many = _fitting(shape, left[at], memory, cpu, ports)
            if many:
                parts.append(_Part(room, at, many))
                memory -= many * shape.memory
                cpu -= many * shape.millicores
                ports -= many * shape.wants_port
                left[at] -= many
                ended = ended or not left[at]
        if ended:
            waiting = [at for at in waiting if left[at]]
            if not waiting:
                return parts
    return []


def _fitting(shape: Shape, most: int, memory: int, cpu: int, ports: int) -> int:
    """Return how many of a shape fit into what a node has left."""
    if shape.memory:
        most = min(most, memory // shape.memory)
    if shape.millicores:
        most = min(most, cpu // shape.millicores)
    if shape.max_per_node is not None:
        most = min(most, shape.max_per_node)
    return min(most, ports) if shape.wants_port else most


def _packed(
    shapes: Sequence[Shape], counts: Sequence[int], allowed: Sequence[_Indices], board: Board
) -> Iterator[_Part]:
    kinds = [
        Kind((it.memory, it.millicores), count, it.max_per_node, may)
        for it, count, may in zip(shapes, counts, allowed, strict=True)
    ]
    bins = [Bin((max(it.memory, 0), max(it.millicores, 0)), used=bool(it.held)) for it in board.rooms]
    for room, contents in zip(board.rooms, pack(kinds, bins), strict=True):
        for at, count in contents.items():
            yield _Part(room, at, min(count, room.free_ports) if shapes[at].wants_port else count)


def _allowed(shape: Shape, board: Board) -> _Indices:
    first, *others = board.fields.parts(shape)
    allowed = first.indices.union(*(part.indices for part in others)) if others else first.indices
    if unwanted := board.unwanted_at(shape):
        allowed -= unwanted
    return None if len(allowed) == len(board) else allowed
