# SPDX-License-Identifier: GPL-3.0-or-later
"""The strategies: how good a feasible node is. A score is a tuple of numbers; the lowest is the best."""

from __future__ import annotations

from collections.abc import Callable

from .room import Room, Shape

Score = tuple[float, ...]


def _spread(room: Room, shape: Shape) -> Score:
    return len(room.holds(shape)), room.used


def _binpack(room: Room, _shape: Shape) -> Score:
    return (-room.used,)


def _most_free_memory(room: Room, _shape: Shape) -> Score:
    return (-room.free_memory,)


def _least_cpu(room: Room, _shape: Shape) -> Score:
    return (room.load,)


STRATEGIES: dict[str, Callable[[Room, Shape], Score]] = {
    "spread": _spread,  # fewest of this process, then the emptiest
    "binpack": _binpack,  # the fullest
    "most-free-memory": _most_free_memory,  # free as measured
    "least-cpu": _least_cpu,  # load as measured
}


def score(room: Room, shape: Shape) -> Score:
    """Return the score of a node by the strategy of the shape. Depends on this node alone."""
    return STRATEGIES[shape.strategy](room, shape)
