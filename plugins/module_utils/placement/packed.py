# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that are only to be packed, all of them at once, so that few nodes are used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .board import Board
from .packing import Bin, Kind, pack
from .room import Room
from .shape import Key, Shape

_BINPACK = "binpack"


def is_plain(shape: Shape, board: Board, anchors: Collection[Key]) -> bool:
    """Say whether all that is asked of a node is its labels, its room, and not too many of the process."""
    if shape.strategy != _BINPACK or shape.key in anchors:
        return False
    ranked = shape.preferences or shape.spread
    bound = shape.max_per or shape.together or shape.apart or shape.everywhere
    stands = shape.max_per_node is not None and board.where.get(shape.key)
    return not (ranked or bound or stands or board.shuns(shape, per_value=True))


def packed(groups: Iterable[tuple[Shape, list[int]]], board: Board) -> Mapping[Key, dict[int, Room]]:
    """Return rooms for slots of plain shapes, taken already; as many as fit, on few nodes."""
    groups = list(groups)
    found: dict[Key, dict[int, Room]] = {shape.key: {} for shape, _ in groups}
    if not groups:
        return found
    kinds = [
        Kind((it.memory, it.millicores), len(numbers), it.max_per_node, _allowed(it, board))
        for it, numbers in groups
    ]
    bins = [Bin((max(it.memory, 0), max(it.millicores, 0)), used=bool(it.held)) for it in board.rooms]
    waiting = [iter(numbers) for _, numbers in groups]
    for room, contents in zip(board.rooms, pack(kinds, bins), strict=True):
        for kind, count in contents.items():
            shape = groups[kind][0]
            fit = min(count, room.free_ports) if shape.wants_port else count
            for _, number in zip(range(fit), waiting[kind], strict=False):
                board.take(room, shape, number)
                found[shape.key][number] = room
    return found


def _allowed(shape: Shape, board: Board) -> frozenset[int] | None:
    allowed: frozenset[int] = frozenset().union(*(part.indices for part in board.fields.parts(shape)))
    allowed -= board.unwanted_at(shape)
    return None if len(allowed) == len(board) else allowed
