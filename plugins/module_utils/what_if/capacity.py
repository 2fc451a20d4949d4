# SPDX-License-Identifier: GPL-3.0-or-later
"""How many more instances of a process fit, and what there is too little of for one more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.placement import Board, Room, Shape, refusal
from ansible_collections.fairlead.paas.plugins.module_utils.placement.select import Group, settle

MOST = 100_000
"""More than these are not counted."""
_RULES = "rules"


@dataclass(frozen=True)
class Capacity:
    """How many ``more`` fit beside the ``now`` that stand; what runs ``out`` first, and in words where.

    ``out`` is memory, cpu, ports or rules; what most of the nodes lack that may hold the process at all.
    """

    process: str
    now: int
    more: int
    out: str
    why: str


def capacity(shape: Shape, board: Board) -> Capacity:
    """Return how many more instances of a shape fit; the board is as it was afterwards."""
    holders = board.where.get(shape.key, {}).values()
    numbers = {number for each in holders for number in each.values()}
    first = max(numbers, default=0) + 1
    wanted = [] if shape.everywhere else [Group(shape, [*range(first, first + MOST)])]
    found = settle(wanted, board).get(shape.key, {})
    out, why = _shortage(shape, board)
    for number, room in found.items():
        board.put_back(room, shape, number)
    return Capacity(str(shape), len(numbers), len(found), out, why)


def _shortage(shape: Shape, board: Board) -> tuple[str, str]:
    if shape.everywhere:
        return _RULES, f"mode is global: one on each of {len(board.field(shape))} nodes"
    lacking = Counter(_lack(room, shape) for room in board.field(shape))
    if not lacking:
        reasons = Counter(refusal(room, shape) or "" for room in board.rooms)
        return _RULES, f"no node may hold it: {max(reasons, key=lambda it: (reasons[it], it), default='')}"
    resource = max(lacking, key=lambda it: (lacking[it], it))
    if resource == _RULES:
        first = next(room for room in board.field(shape) if _lack(room, shape) == _RULES)
        return resource, f"{first.name} {refusal(first, shape)}"
    return resource, f"on {lacking[resource]} of {len(board.field(shape))} nodes"


def _lack(room: Room, shape: Shape) -> str:
    """Return what a node lacks for one more. All that it lacks of cpu and memory counts as one of them."""
    lacks = [
        (room.memory / max(shape.memory, 1), "memory"),
        (room.millicores / max(shape.millicores, 1), "cpu"),
        (float(room.free_ports if shape.wants_port else 1), "ports"),
    ]
    left, resource = min(lacks)
    return resource if left < 1 else _RULES
