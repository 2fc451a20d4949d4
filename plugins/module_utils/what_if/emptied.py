# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of all that stands on a node when that is emptied."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.plan.arrangement import Arrangement


def refuse_homeless(node: str, found: Arrangement) -> None:
    """Raise NoRoom if anything that stands on the node would fit nowhere else."""
    homeless = {str(need.slot) for need in found.unplaced if need.old and need.old.node == node}
    if homeless:
        refusals = {slot: reasons for slot, reasons in found.refusals().items() if slot in homeless}
        held = [why for slot, why in found.held().items() if slot in homeless]
        raise NoRoom(refusals, [*held, f"To move what fits, and leave the rest on {node}: -e force=true."])


def destinations(node: str, found: Arrangement) -> dict[str, str]:
    """Return where each instance goes that stands on the node and finds a place elsewhere."""
    return {str(it.slot): it.node for it in found.placed if it.old and it.old.node == node}


def moves(node: str, found: Arrangement) -> list[str]:
    """Return what happens to each instance on the node, a line each."""
    going = [f"  > {slot}  to {to}" for slot, to in destinations(node, found).items()]
    homeless = [
        f"  ! {it.slot}  {f'stays: {it.kept}' if it.kept and it.only else 'fits nowhere else'}"
        for it in found.unplaced
        if it.old and it.old.node == node
    ]
    stopped = [f"  - {it.instance.slot}  {it.reason}" for it in found.stopped if it.instance.node == node]
    return [*going, *stopped, *homeless]
