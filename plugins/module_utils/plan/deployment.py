# SPDX-License-Identifier: GPL-3.0-or-later
"""One deploy from end to end, decided before anything is touched: the plan, its phases, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import (
    ACTIVE,
    PENDING,
    Turn,
    opening,
)
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table

from .plan import Plan, plan, removal_plan
from .rollout import Phase, final_table, rollout
from .undo import Undo, undo


@dataclass(frozen=True)
class Deployment:
    """What the playbook carries out.

    ``phases`` can be undone, whichever of them fails: ``undo`` is right for all of them, since it says what
    shall be and not what was done. ``finish`` stops and removes what was replaced, once all is recorded.
    """

    plan: Plan
    configuration: Configuration
    phases: tuple[Phase, ...]
    finish: Phase
    table: Table
    undo: Undo
    unsettled: bool  # the ledger has a pending release: a run was killed

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for playbooks."""
        data: dict[str, Any] = json.loads(json.dumps({key: asdict(getattr(self, key)) for key in _PARTS}))
        return data | {
            "phases": [phase.as_dict() for phase in self.phases],
            "release": self.plan.release,
            "is_new_release": self.plan.is_new_release,
            "configuration_hash": self.configuration.hash(),
            "drain": self.configuration.update.drain,
            "deadline": self.configuration.update.deadline,
            "unsettled": self.unsettled,
            "text": str(self.plan),
        }


_PARTS = ("configuration", "finish", "table", "undo")


def deployment(
    configuration: Configuration, fleet: Fleet, releases: Sequence[Mapping[str, Any]]
) -> Deployment:
    """Return the deploy of a configuration. ``releases`` are the ledger's, newest first.

    Raises NoRoom when an instance fits on no node.
    """
    turns = [Turn(r["number"], r["state"], r["configuration_hash"]) for r in reversed(releases)]
    active = next((release for release in releases if release["state"] == ACTIVE), None)
    number, _ = opening(turns, configuration.hash())
    made = plan(
        configuration, fleet, (active["number"], active["configuration_hash"]) if active else None, number
    )
    before = Configuration.from_dict(active["configuration"]) if active else None
    unsettled = any(turn.state == PENDING for turn in turns)
    return _deployment(made, configuration, fleet, before, unsettled=unsettled)


def removal(app: str, fleet: Fleet) -> Deployment:
    """Return the removal of an app: its table is empty, and there is no way back."""
    return _deployment(removal_plan(app, fleet), Configuration(app, ()), fleet, None, unsettled=False)


def _deployment(
    made: Plan, configuration: Configuration, fleet: Fleet, before: Configuration | None, *, unsettled: bool
) -> Deployment:
    phases = rollout(made, configuration, fleet)
    finish = phases[-1] if phases and phases[-1].remove else Phase()
    reversible = tuple(phase for phase in phases if not phase.remove)
    return Deployment(
        plan=made,
        configuration=configuration,
        phases=reversible,
        finish=finish,
        table=final_table(made, configuration, fleet),
        undo=undo(configuration.app, reversible, len(reversible) - 1, before, fleet)
        if reversible
        else Undo({}, None, {}),
        unsettled=unsettled,
    )


def orphans(fleet: Fleet, apps: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the apps that run but have no file, each with the nodes it runs on."""
    strangers = sorted({i.slot.app for i in fleet.instances} - set(apps))
    return {app: tuple(sorted({i.node for i in fleet.of_app(app)})) for app in strangers}
