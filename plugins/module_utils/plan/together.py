# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is left behind when those leave whom they must be with."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key, Ref, refs

from .sequence import Placed


def left_behind(
    configuration: Configuration, kept: Iterable[Instance], placed: Iterable[Placed], fleet: Fleet
) -> dict[str, str]:
    """Return the containers of an app that would stay where those are no longer whom they must be with.

    Each with the reason. What other apps run is where it is observed.
    """
    app = configuration.app
    wanted = {p.name: refs(p.rules.together) for p in configuration.processes if p.rules.together}
    if not wanted:
        return {}
    placed = list(placed)
    standing = {(i.node, (i.slot.app, i.slot.process)) for i in fleet.instances if i.slot.app != app}
    kept = list(kept)
    standing |= {(one.node, (app, one.slot.process)) for one in kept}
    standing |= {(it.choice.node, (app, it.need.slot.process)) for it in placed}
    on: dict[str, set[Key]] = {}
    for node, key in standing:
        on.setdefault(node, set()).add(key)
    staying = [(one.container, one.slot.process, one.node) for one in kept]
    staying += [
        (it.need.old.container, it.need.slot.process, it.choice.node)
        for it in placed
        if it.need.old and it.need.old.running and it.need.home == it.choice.node
    ]
    return {
        container: f"{missing} leaves {node}"
        for container, process, node in staying
        if (missing := _missing(wanted.get(process, ()), (app, process), on[node]))
    }


def _missing(together: Iterable[Ref], owner: Key, present: set[Key]) -> Ref | None:
    return next((ref for ref in together if not any(ref.names(key, owner) for key in present)), None)
