# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node holds which instance: feasible → rank → select, over the whole fleet and the rules of all apps.

- ``shape``: what every instance of one process asks of its node
- ``room``, ``board``, ``tally``: what each node has left, and the counts that rules need, kept as things change
- ``feasible``: the hard rules, each refusal with its reason in words
- ``rank``: by which terms a node is good; ``lane``: rooms in that order, shared by processes
- ``fill``: all slots of one process; ``select``: the choice, the hardest first
"""

from __future__ import annotations

from .board import Board, rooms_of
from .feasible import (
    barred,
    displacement,
    explain,
    keepers,
    misplaced,
    refusal,
    staying_rules,
    unmet,
    unwanted,
)
from .rank import STRATEGIES
from .room import Room
from .select import Choice, Demand, choose, place, stay
from .shape import Shape
from .worst import worst_first

__all__ = [
    "STRATEGIES",
    "Board",
    "Choice",
    "Demand",
    "Room",
    "Shape",
    "barred",
    "choose",
    "displacement",
    "explain",
    "keepers",
    "misplaced",
    "place",
    "refusal",
    "rooms_of",
    "stay",
    "staying_rules",
    "unmet",
    "unwanted",
    "worst_first",
]
