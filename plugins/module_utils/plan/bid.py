# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan asks the ledger to keep for it, and how it makes way for what other apps have claimed.

Between the look and the first container other runs may decide too. So each claims what it is about to start,
and one that comes second plans again around the claims of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import rooms_of

from .plan import Plan


def around(claims: Iterable[Mapping[str, Any]], fleet: Fleet) -> Fleet:
    """Return the fleet as if the claims of other apps ran already, as far as they are not seen running."""
    seen = {(i.slot, i.node, i.port) for i in fleet.instances}
    claimed = (_instance(claim) for claim in claims)
    unseen = (i for i in claimed if (i.slot, i.node, i.port) not in seen)
    return replace(fleet, instances=tuple(sorted([*fleet.instances, *unseen])))


def wants(plan: Plan) -> list[dict[str, Any]]:
    """Return what the plan starts, as the module ``ledger`` takes it. Memory in bytes, cpu in cores."""
    return [
        {"slot": str(new.slot), "node": new.node, "port": new.port, "memory": new.memory, "cpu": new.cpu}
        for new in _starts(plan)
    ]


def room(plan: Plan, fleet: Fleet) -> dict[str, dict[str, float]]:
    """Return node → ``memory`` (bytes) and ``cpu`` (cores) that are left beside all that runs and starts."""
    rooms = rooms_of(fleet)
    for new in _starts(plan):
        rooms.add(new)
    return {
        name: {"memory": max(left.memory, 0), "cpu": max(left.millicores, 0) / 1000}
        for name, left in rooms.items()
    }


def _starts(plan: Plan) -> list[Instance]:
    return [action.new for action in plan.actions if action.new and action.kind != "keep"]


def _instance(claim: Mapping[str, Any]) -> Instance:
    app, process, number = claim["slot"].rsplit(".", 2)
    return Instance(
        slot=Slot(app, process, int(number)),
        node=claim["node"],
        container=f"claimed by {app}",
        name=f"claimed by {app}",
        release=0,
        image="",
        spec="",
        memory=claim["memory"],
        cpu=claim["cpu"],
        port=claim["port"],
    )
