# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an instance stands where it does: every node as it finds it, the best first, then those that refuse.

For one that was placed, all others stand as they do in the end; for one that stayed, this is what a new one
would find: it stays since nothing makes it leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Room, Shape, refusal
from ansible_collections.fairlead.paas.plugins.module_utils.placement.rank import score, terms

from .arrange import Arrangement

_FEW = 20  # slots that a message lists


@dataclass(frozen=True)
class Verdict:
    """What is said of one node: the terms of its score, or why it refuses."""

    node: str
    terms: Mapping[str, float] = field(default_factory=dict)
    refusal: str | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a slot stands on its node, None if on none; ``reason`` says why it is placed at all, or stays."""

    slot: Slot
    node: str | None
    reason: str
    verdicts: tuple[Verdict, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "slot": str(self.slot),
            "node": self.node,
            "reason": self.reason,
            "nodes": [
                {"node": it.node, "refusal": it.refusal}
                if it.refusal
                else {"node": it.node, "terms": it.terms}
                for it in self.verdicts
            ],
        }


def explain(slot: Slot, found: Arrangement) -> Explanation:
    """Return why a slot stands where it does. Raises FairleadError if there is no such slot."""
    shape = _shape(slot, found)
    with _away(slot, shape, found):
        refused = {room.name: why for room in found.board.rooms if (why := refusal(room, shape, slot.number))}
        free = [room for room in found.board.rooms if room.name not in refused]
        ranked = sorted(free, key=lambda room: (score(room, shape), room.index))
        verdicts = [Verdict(room.name, terms(room, shape)) for room in ranked]
    verdicts += [Verdict(node, refusal=why) for node, why in refused.items()]
    return Explanation(slot, found.nodes.get(slot), _reason(slot, found), tuple(verdicts))


def _shape(slot: Slot, found: Arrangement) -> Shape:
    slots = {*found.nodes, *(slot for homeless in found.homeless for slot in homeless.slots)}
    ours = {each for each in slots if each.app in found.configurations}
    if slot not in ours:
        near = {str(each) for each in ours if each.app == slot.app} or {str(each) for each in ours}
        expected = did_you_mean(str(slot), near) if len(near) <= _FEW else f"one of {len(near)} instances"
        raise FairleadError(f'there is no instance "{slot}"; expected {expected}')
    return found.shape((slot.app, slot.process))


def _reason(slot: Slot, found: Arrangement) -> str:
    if slot in found.kept:
        return "stays where it stands"
    change = next((each for each in found.changes if each.slot == slot and each.kind != "stop"), None)
    return change.reason if change else "fits on no node"


@contextmanager
def _away(slot: Slot, shape: Shape, found: Arrangement) -> Iterator[None]:
    """Take a slot off the board for a while."""
    kept, placed = found.kept.get(slot), found.placed.get(slot)
    room: Room | None = found.board[placed.node] if placed else None
    if kept:
        found.board.drop(kept)
    elif room:
        found.board.put_back(room, shape, slot.number)
    yield
    if kept:
        found.board.add(kept)
    elif room:
        found.board.take(room, shape, slot.number)
