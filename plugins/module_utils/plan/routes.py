# SPDX-License-Identifier: GPL-3.0-or-later
"""What each router will change, foreseen from what it serves now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.change import Change, Observed, changes
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table

Routers = Mapping[str, Observed]
Foreseen = Mapping[str, Change]


def foresee(table: Table, routers: Routers) -> Foreseen:
    """Return router name → change, for the routers that differ from the table.

    Raises FairleadError when a host name belongs to another app.
    """
    found = {name: changes(table, observed) for name, observed in sorted(routers.items())}
    return {name: change for name, change in found.items() if change}


def apart_from_instances(foreseen: Foreseen) -> Foreseen:
    """Return what remains when servers that come and go with instances are left out."""
    bare = {
        name: replace(change, add=(), wake=(), remove=(), land=False) for name, change in foreseen.items()
    }
    return {name: change for name, change in bare.items() if change}


def in_words(foreseen: Foreseen) -> Iterable[str]:
    """Yield lines as the plan prints them; routers that change alike stand together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, change in foreseen.items():
        alike.setdefault(tuple(change.lines()), []).append(name)
    for lines, names in alike.items():
        yield f"  {', '.join(names)}"
        yield from (f"    {line}" for line in lines)
