# SPDX-License-Identifier: GPL-3.0-or-later
"""One deploy from end to end, decided before anything is touched: the plan, its phases, and the way back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import (
    PENDING,
    Turn,
    opening,
)
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table

from .plan import Plan, plan, removal_plan
from .rollout import Phase, final_table, rollout
from .routes import Foreseen, Routers, apart_from_instances, foresee, in_words
from .undo import Undo, undo
from .wanted import Releases, active_of, set_by_hand


@dataclass(frozen=True)
class Deployment:
    """What the playbook carries out.

    ``phases`` can be undone, whichever of them fails: ``undo`` is right for all of them, since it says what
    shall be and not what was done. ``finish`` stops and removes what was replaced, once all is recorded.
    ``routes`` is what the routers will change beside the servers of the plan's instances.
    """

    plan: Plan
    configuration: Configuration
    phases: tuple[Phase, ...]
    finish: Phase
    table: Table
    routes: Foreseen
    undo: Undo
    unsettled: bool  # the ledger has a pending release: a run was killed

    @property
    def changed(self) -> bool:
        """Whether there is anything to do on any machine."""
        return self.plan.changed or self.unsettled or bool(self.routes)

    @property
    def settles(self) -> bool:
        """Whether the state of a release changes."""
        return self.plan.is_new_release or self.unsettled

    @property
    def reroute(self) -> list[str]:
        """The routers that differ and that no phase will route."""
        return [] if any(phase.table for phase in self.phases) else list(self.routes)

    @property
    def text(self) -> str:
        """The plan as people read it before a deploy."""
        by_hand = (f"  {words}" for words in set_by_hand(self.configuration))
        return "\n".join([str(self.plan), *in_words(self.routes), *by_hand])

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
            "changes": self.changed,
            "routes": {router: change.lines() for router, change in self.routes.items()},
            "reroute": self.reroute,
            "text": self.text,
        }


_PARTS = ("configuration", "finish", "table", "undo")


def deployment(
    configuration: Configuration, fleet: Fleet, releases: Releases, routers: Routers
) -> Deployment:
    """Return the deploy of a configuration.

    Raises NoRoom when an instance fits on no node, FairleadError when a host name belongs to another app.
    """
    active = active_of(releases)
    known = (active["number"], active["configuration_hash"]) if active else None
    number, _ = opening(_turns(releases), configuration.hash())
    made = plan(configuration, fleet, known, number, _rechecked(_before(releases), configuration))
    return _deployment(made, configuration, fleet, routers, releases)


def removal(app: str, fleet: Fleet, routers: Routers) -> Deployment:
    """Return the removal of an app: its table is empty, and there is no way back."""
    return _deployment(removal_plan(app, fleet), Configuration(app, ()), fleet, routers, ())


def _deployment(
    made: Plan, configuration: Configuration, fleet: Fleet, routers: Routers, releases: Releases
) -> Deployment:
    before = _before(releases)
    phases = rollout(made, configuration, fleet, before)
    finish = phases[-1] if phases and phases[-1].remove else Phase()
    reversible = tuple(phase for phase in phases if not phase.remove)
    table = final_table(made, configuration, fleet)
    foreseen = foresee(table, routers)
    return Deployment(
        plan=made,
        configuration=configuration,
        phases=reversible,
        finish=finish,
        table=table,
        routes=apart_from_instances(foreseen) if any(phase.table for phase in phases) else foreseen,
        undo=undo(configuration.app, reversible, len(reversible) - 1, before, fleet)
        if reversible
        else Undo({}, None, {}),
        unsettled=any(turn.state == PENDING for turn in _turns(releases)),
    )


def _turns(releases: Releases) -> list[Turn]:
    return [Turn(r["number"], r["state"], r["configuration_hash"]) for r in reversed(releases)]


def _before(releases: Releases) -> Configuration | None:
    active = active_of(releases)
    return Configuration.from_dict(active["configuration"]) if active else None


def _rechecked(before: Configuration | None, after: Configuration) -> set[str]:
    """Return the processes whose health path changes.

    A router has one check for all instances of a process, and the old ones may not know the new path.
    """
    paths = {it.name: it.health.path for it in before.processes if it.health} if before else {}
    return {
        it.name
        for it in after.processes
        if it.health and it.health.path != paths.get(it.name, it.health.path)
    }


def orphans(fleet: Fleet, apps: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the apps that run but have no file, each with the nodes it runs on."""
    strangers = sorted({i.slot.app for i in fleet.instances} - set(apps))
    return {app: tuple(sorted({i.node for i in fleet.of_app(app)})) for app in strangers}
