# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a feasible node is: by terms, of which the first that differs decides; at last by name.

The lowest score is the best.

1. ``spread`` over a label: the value with the fewest instances of the process
2. preferences: the most weight met
3. the strategy: what each of them says below
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

from .room import Room
from .shape import Shape

Score = tuple[float, float, float, int]  # value, preferences, of the process here, the strategy's own
NOWHERE = float("inf")  # a node without the label that is spread over comes last


class Strategy(NamedTuple):
    """What a strategy likes, the lowest, and ``rank``: the same as one number, by which rooms are compared.

    ``evenly``: first of all the node with the fewest instances of the process. ``grows``: placing something
    makes a node worse.
    """

    likes: Callable[[Room], float]
    rank: Callable[[Room], int]
    term: str
    evenly: bool = False
    grows: bool = True


def _fullest(room: Room) -> float:
    return -room.used


def _most_free(room: Room) -> float:
    return -room.free_memory


STRATEGIES: dict[str, Strategy] = {
    "spread": Strategy(attrgetter("used"), attrgetter("emptiest_first"), "reserved", evenly=True),
    "binpack": Strategy(_fullest, attrgetter("fullest_first"), "reserved, fullest first", grows=False),
    # As measured:
    "most-free-memory": Strategy(_most_free, attrgetter("most_free_first"), "bytes free, most first"),
    "least-cpu": Strategy(attrgetter("load"), attrgetter("idlest_first"), "load a core, in millicores"),
}


def score(room: Room, shape: Shape) -> Score:
    """Return the score of a node; no two are the same, as the last number ends with the node's index."""
    strategy = STRATEGIES[shape.strategy]
    here = count_here(room, shape) if strategy.evenly else 0
    return count_in_value(room, shape), -weight(room, shape), here, strategy.rank(room)


def terms(room: Room, shape: Shape) -> dict[str, float]:
    """Return the score of a node by the names of those terms that this shape is ranked by."""
    strategy, (value, preferences, here, _) = STRATEGIES[shape.strategy], score(room, shape)
    own = strategy.likes(room)
    named: dict[str, float] = {}
    if shape.spread is not None:
        named[f"{shape} in {shape.spread} {room.facts.get(shape.spread, '(none)')}"] = value
    if shape.preferences:
        named["preferences met"] = -preferences
    if strategy.evenly:
        named[f"{shape} here"] = here
    named[strategy.term] = round(own if strategy.grows and own >= 0 else -own, 3)
    return named


def count_in_value(room: Room, shape: Shape) -> float:
    """Return how many slots of the process stand where this node's value of ``spread`` is."""
    if shape.spread is None:
        return 0
    value = room.facts.get(shape.spread)
    return NOWHERE if value is None else room.board.tally(shape, shape.spread).staying(value)


def count_here(room: Room, shape: Shape) -> int:
    """Return how many slots of the process stand on this node and do not leave."""
    holders = room.held.get(shape.key)
    return len(room.board.staying(holders)) if holders else 0


def weight(room: Room, shape: Shape) -> int:
    """Return the sum of the weights of the preferences that this node meets."""
    return room.board.fields.kinds(shape)[room.index][0]
