# SPDX-License-Identifier: GPL-3.0-or-later
"""Which few moves even out most of what runs, by each process's own strategy; the greatest gain first.

A move is one instance that would be placed elsewhere if it was placed now, all others where they are. It is
worth it only if it is better by what its process is ranked by: fewer of it in one value of a label, more
weight of preferences met, fewer of it on one node, or else a node that is clearly emptier, or with binpack
clearly fuller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Board, Room, Shape, refusal
from ansible_collections.fairlead.paas.plugins.module_utils.placement.rank import (
    Score,
    count_here,
    count_in_value,
    score,
    weight,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from .arrange import Arrangement

CLEARLY = 0.05
"""A share of a node that a move must gain where nothing but the strategy's own term is better."""

_COUNTED = ("label", "preferences", "instances")  # the terms of a score that stand before the strategy's own
_WORST = 2  # instances of a process that are looked at, in each value of its label
_VALUES = 10  # values of a label that are looked at, those that hold the most
_ENDLESS = 1e6  # a node without the label that is spread over is that bad
_MEGABYTE = 2**20
_Rank = tuple[int, float, Score, Slot]


@dataclass(frozen=True)
class Move:
    """One instance that would stand better. ``gain`` is by how much, in the unit of its ``term``.

    Terms, the most important first: ``label`` (of spread) in instances, ``preferences`` in their weight,
    ``instances`` (on one node); then the strategy in shares of a node, or of a core's load.
    """

    slot: Slot
    before: str
    after: str
    term: str
    gain: float
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {"slot": str(self.slot)}


def rebalance(now: Arrangement, most: int) -> list[Move]:
    """Return at most so many moves, and leave on the board of ``now`` what stands after them.

    Only what is kept moves, each instance once.
    """
    work = _Rebalancing(now)
    moves: list[Move] = []
    while len(moves) < most and (move := work.best()):
        work.carry_out(move)
        moves.append(move)
    return moves


class _Rebalancing:
    def __init__(self, now: Arrangement) -> None:
        self.board = now.board
        self.shapes = {key: shape for key, shape in now.found.shapes.items() if not shape.everywhere}
        self.kept: dict[Slot, Instance] = dict(sorted(now.kept.items()))
        self.anchors = frozenset(ref.app for shape in self.shapes.values() for ref in shape.together)

    def best(self) -> Move | None:
        """Return the move with the greatest gain, None if none gains anything."""
        found = [gained for one in self._candidates() if (gained := self._gain(one))]
        return max(found, key=lambda it: it[0])[1] if found else None

    def carry_out(self, move: Move) -> None:
        """Put an instance where it moves to."""
        one = self.kept.pop(move.slot)
        self.board.drop(one)
        self.board.take(self.board[move.after], self.shapes[one.slot.app, one.slot.process], one.slot.number)

    def _candidates(self) -> Iterator[Instance]:
        """Yield for each process those that stand worst, in each value of the label that it is spread over.

        Of all that stand on one node one is enough, and the rest of them gain less.
        """
        for key, homes in self._homes().items():
            shape = self.shapes[key]
            ranked = sorted(
                homes.items(), key=lambda it: (score(self.board[it[0]], shape), it[0]), reverse=True
            )
            values: dict[str | None, int] = {}
            for node, one in ranked:
                value = self.board[node].facts.get(shape.spread or "")
                values[value] = values.get(value, 0) + 1
                if values[value] <= _WORST and len(values) <= _VALUES:
                    yield one

    def _homes(self) -> dict[Key, dict[str, Instance]]:
        """Return for each process node → the last one there that may move."""
        homes: dict[Key, dict[str, Instance]] = {}
        for slot, one in self.kept.items():
            key = slot.app, slot.process
            if key in self.shapes and not self._is_followed(one):
                homes.setdefault(key, {})[one.node] = one
        return homes

    def _is_followed(self, one: Instance) -> bool:
        """Say whether somebody stands there who must be with it, and would have to move too."""
        if one.slot.app not in self.anchors:
            return False
        key = one.slot.app, one.slot.process
        beside = [self.shapes[key] for key in self.board[one.node].held if key in self.shapes]
        return any(ref.names(key, other.key) for other in beside for ref in other.together)

    def _gain(self, one: Instance) -> tuple[_Rank, Move] | None:
        """Return the best move of an instance, if it gains anything, behind what it is compared by.

        The most important term comes first, then by how much it is better; then whose home is the worst, and
        of those on one node the last, as when a process is scaled down.
        """
        shape, home = self.shapes[one.slot.app, one.slot.process], self.board[one.node]
        self.board.drop(one)
        found, here = _better(shape, one.slot.number, home, self.board), score(home, shape)
        self.board.add(one)
        if found is None:
            return None
        room, at, gain = found
        terms = (*_COUNTED, shape.strategy)
        why = _why(terms[at], shape, home, room)
        return (-at, gain, here, one.slot), Move(
            one.slot, home.name, room.name, terms[at], round(gain, 3), why
        )


def _better(shape: Shape, number: int, home: Room, board: Board) -> tuple[Room, int, float] | None:
    """Return the room that is best for a slot that stands nowhere, by which term, and by how much.

    None if none is better than its home, or not by enough for a move.
    """
    here = score(home, shape)
    others = (room for room in board.field(shape) if room is not home)
    ranked = ((score(room, shape), room.index, room) for room in others)
    better = sorted((it for it in ranked if it[0] < here), key=lambda it: it[:2])
    for there, _, room in better:
        if not refusal(room, shape, number):
            at, gain = _difference(here, there, _whole(shape, home))
            return (room, at, gain) if at < len(_COUNTED) or gain >= CLEARLY else None
    return None


def _difference(here: Score, there: Score, whole: float) -> tuple[int, float]:
    """Return the first term that differs, and by how much, that of the strategy as a part of the whole."""
    at = next(at for at, (ours, theirs) in enumerate(zip(here, there, strict=True)) if ours != theirs)
    gain = min(here[at], _ENDLESS) - there[at]
    return at, gain / whole if at == len(_COUNTED) else gain


def _whole(shape: Shape, home: Room) -> float:
    """Return what is one whole node in the unit of a strategy's own term."""
    return {"most-free-memory": float(home.total_memory), "least-cpu": 1000.0}.get(shape.strategy, 1.0)


def _why(term: str, shape: Shape, home: Room, room: Room) -> str:
    """Return in words by what one room is better than another, as they stand before the move."""
    match term:
        case "label":
            return f"{_in_value(home, shape)}, {_in_value(room, shape)}"
        case "preferences":
            ours, theirs = weight(home, shape), weight(room, shape)
            return f"{home.name} meets preferences of weight {ours}, {room.name} of {theirs}"
        case "instances":
            held = count_here(home, shape), count_here(room, shape)
            return f"{home.name} holds {held[0]} of {shape}, {room.name} {held[1]}"
        case "most-free-memory":
            free = [format_size(it.free_memory // _MEGABYTE * _MEGABYTE) for it in (home, room)]
            return f"{home.name} has {free[0]} of memory free, {room.name} {free[1]}"
        case "least-cpu":
            loads = home.load / 1000, room.load / 1000
            return f"{home.name} has a load of {loads[0]:.2f} a core, {room.name} {loads[1]:.2f}"
    return f"{home.name} is {home.used:.0%} reserved, {room.name} {room.used:.0%}".replace("%", " %")


def _in_value(room: Room, shape: Shape) -> str:
    value = room.facts.get(shape.spread or "")
    if value is None:
        return f"{room.name} has no label {shape.spread}"
    return f"{shape.spread} {value} holds {count_in_value(room, shape):g} of {shape}"
