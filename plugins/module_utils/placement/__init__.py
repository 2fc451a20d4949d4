# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node holds which instance: feasible → rank → select, over what each node has left.

- ``room``: what a node still has to give, and what an instance asks of it
- ``feasible``: the hard rules, each refusal with its reason in words
- ``rank``: the strategies; the lowest score is the best node
- ``select``: the choice; current homes first, then the best node, ties by name
"""

from __future__ import annotations

from .feasible import explain, refusal, unmet
from .rank import STRATEGIES
from .room import Room, Rooms, Shape, rooms_of
from .select import Choice, Demand, choose, place, stay

__all__ = [
    "STRATEGIES",
    "Choice",
    "Demand",
    "Room",
    "Rooms",
    "Shape",
    "choose",
    "explain",
    "place",
    "refusal",
    "rooms_of",
    "stay",
    "unmet",
]
