# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances people send where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Slot


def moves_of(app: str, given: Mapping[str, Any], fleet: Fleet) -> dict[Slot, str]:
    """Return which instances of an app shall stand on which nodes. Raises FairleadError for what is none."""
    slots = {str(one.slot): one.slot for one in fleet.of_app(app)}
    moves: dict[Slot, str] = {}
    for name, node in given.items():
        if not name.startswith(f"{app}."):
            continue
        if name not in slots:
            raise FairleadError(f"moves: {name} does not run; {did_you_mean(name, slots)}")
        nodes = [it.name for it in fleet.nodes]
        if node not in nodes:
            raise FairleadError(f"moves: {name} cannot go to {node}; {did_you_mean(str(node), nodes)}")
        moves[slots[name]] = node
    return moves
