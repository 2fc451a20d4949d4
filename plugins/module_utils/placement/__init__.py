# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node holds which instance: feasible → rank → select, over the whole fleet and the rules of all apps.

- ``shape``: what every instance of one process asks of its node
- ``room``, ``board``, ``tally``: what each node has left, and the counts that rules need
- ``feasible``: the hard rules, each refusal with its reason in words
- ``rank``: by which terms a node is good; ``lane``: rooms in that order, shared by processes
- ``fill``: all slots of one process; ``select``: the choice, the hardest first
- ``repair``, ``search``, ``exact``: what is tried before it is said that something does not fit
- ``shortfall``: with which change it would fit; ``explanation``: why something stands where it stands
- ``worst``: which instances go first when there are too many
"""

from __future__ import annotations

from .board import Board, rooms_of
from .explanation import Explanation, Witness
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
    "Explanation",
    "Room",
    "Shape",
    "Witness",
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
