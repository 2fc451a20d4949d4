# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances of a process go first when there are too many: the worst placed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance

from .board import Board
from .rank import NOWHERE
from .shape import Shape


class Badness(NamedTuple):
    """How badly an instance is placed: the first that differs decides, and the lowest goes first."""

    in_value: float  # the most of the process on nodes of one value of ``spread``
    here: float  # then the most of it on one node
    used: float  # then the fullest node
    number: int  # then the highest slot


def worst_first(instances: Iterable[Instance], shape: Shape, board: Board) -> Iterator[tuple[Instance, str]]:
    """Yield running instances, the worst placed first, off the board when asked for, each with the reason."""
    queue = [(_badness(one, shape, board), one.container, one) for one in instances]
    heapify(queue)
    while queue:
        badness, container, one = queue[0]
        now = _badness(one, shape, board)
        if now != badness:
            heapreplace(queue, (now, container, one))
            continue
        heappop(queue)
        best = max((it[0] for it in queue), default=None)
        why = _why(one, badness, best, shape, board)
        board.drop(one)
        yield one, why


def _badness(one: Instance, shape: Shape, board: Board) -> Badness:
    room = board[one.node]
    value = room.facts.get(shape.spread) if shape.spread else None
    crowd = board.tally(shape, shape.spread).count(value) if shape.spread and value is not None else 0
    if shape.spread and value is None:
        return Badness(-NOWHERE, -len(room.holds(shape)), -room.used, -one.slot.number)
    return Badness(-crowd, -len(room.holds(shape)), -room.used, -one.slot.number)


def _why(one: Instance, worst: Badness, best: Badness | None, shape: Shape, board: Board) -> str:
    """Say by what it is worse than the one that would go last."""
    room = board[one.node]
    if best is None:
        return "the last one"
    if worst.in_value < best.in_value:
        value = room.facts.get(shape.spread or "")
        if value is None:
            return f"{room.name} has no label {shape.spread}"
        return f"{shape.spread} {value} holds the most of it, {-worst.in_value:g}"
    if worst.here < best.here:
        return f"{room.name} holds the most of it, {-worst.here:g}"
    if worst.used < best.used:
        return f"{room.name} is the fullest, {-worst.used:.0%} reserved"
    return "the highest slot"
