# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an instance stands where it does: every node as it finds it, with all others where they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Explanation, Room, Shape
from ansible_collections.fairlead.paas.plugins.module_utils.placement.explanation import considered

from .arrange import Arrangement

_FEW = 20  # slots that a message lists


def explain(slot: Slot, found: Arrangement) -> Explanation:
    """Return why a slot stands where it does. Raises FairleadError if there is no such slot."""
    shape = _shape(slot, found)
    with _away(slot, shape, found):
        nodes = considered(shape, slot.number, found.board)
    return Explanation(slot, found.nodes.get(slot), _why(slot, found), nodes)


def _shape(slot: Slot, found: Arrangement) -> Shape:
    slots = {*found.nodes, *(slot for homeless in found.homeless for slot in homeless.slots)}
    ours = {each for each in slots if each.app in found.configurations}
    if slot not in ours:
        near = {str(each) for each in ours if each.app == slot.app} or {str(each) for each in ours}
        expected = did_you_mean(str(slot), near) if len(near) <= _FEW else f"one of {len(near)} instances"
        raise FairleadError(f'there is no instance "{slot}"; expected {expected}')
    return found.shape((slot.app, slot.process))


def _why(slot: Slot, found: Arrangement) -> str:
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
