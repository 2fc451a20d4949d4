# SPDX-License-Identifier: GPL-3.0-or-later
"""One deploy from end to end, decided before anything is touched: the plan, its phases, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import (
    PENDING,
    Turn,
    opening,
)
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table

from . import task as tasks
from .homes import Remains, refuse_moves, refuse_unseen, stored_of
from .plan import Manner, Plan, plan, removal_plan
from .rollout import ByNode, Phase, final_table, rollout
from .routes import Foreseen, Routers, apart_from_instances, foresee, in_words
from .task import Task
from .undo import Undo, undo
from .wanted import Releases, active_of, recorded, set_by_hand


@dataclass(frozen=True)
class Deployment:
    """What the playbook carries out.

    ``phases`` can be undone, whichever of them fails: ``undo`` is right for all of them, since it says what
    shall be and not what was done. ``finish`` stops and removes what was replaced, once all is recorded.
    ``routes`` is what the routers will change beside the servers of the plan's instances. ``task`` runs
    before the phases; ``leftovers``, node → containers, are what killed runs have left of such tasks.
    """

    plan: Plan
    configuration: Configuration
    phases: tuple[Phase, ...]
    finish: Phase
    table: Table
    routes: Foreseen
    undo: Undo
    active: int | None  # the release that is active until this one is
    unsettled: bool  # the ledger has a pending release: a run was killed
    leftovers: ByNode
    task: Task | None = None
    stored: Remains = field(default_factory=Remains)

    @property
    def changed(self) -> bool:
        """Whether there is anything to do on any machine."""
        return self.plan.changed or self.unsettled or bool(self.routes or self.leftovers or self.stored.goes)

    @property
    def settles(self) -> bool:
        """Whether the state of a release changes."""
        return self.plan.is_new_release or self.unsettled

    @property
    def text(self) -> str:
        """The plan as people read it before a deploy."""
        by_hand = (f"  {words}" for words in set_by_hand(self.configuration))
        before = tasks.in_words(self.task, self.leftovers)
        canary = self.plan.canary.lines() if self.plan.canary else ()
        parts = (before, canary, in_words(self.routes), by_hand, self.stored.lines())
        return "\n".join([str(self.plan), *chain.from_iterable(parts)])

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for playbooks."""
        update, task = self.configuration.update, self.task and asdict(self.task)
        parts = {key: asdict(getattr(self, key)) for key in _PARTS} | {
            "task": task,
            "leftovers": self.leftovers,
            "configuration": self.configuration.as_dict(),
            "volumes": self.stored.goes,
        }
        data: dict[str, Any] = json.loads(json.dumps(parts))
        return data | {
            "phases": [phase.as_dict() for phase in self.phases],
            "release": self.plan.release,
            "is_new_release": self.plan.is_new_release,
            "active": self.active,
            "configuration_hash": self.configuration.hash(),
            "nodes": sorted({action.node for action in self.plan.actions}),
            "drain": update.drain,
            "deadline": update.deadline,
            "monitor": update.monitor,
            "on_failure": update.on_failure,
            "unsettled": self.unsettled,
            "changes": self.changed,
            "routes": {router: change.lines() for router, change in self.routes.items()},
            "text": self.text,
        }


_PARTS = ("finish", "table", "undo")


@dataclass(frozen=True)
class Errand:
    """Which verb a plan is made for; ``moves``: slots that shall stand on another node than now.

    ``move_volumes``: what has volumes may leave them, and begin anew.
    """

    kind: str = "deploy"
    moves: Mapping[Slot, str] = field(default_factory=dict)
    move_volumes: bool = False


DEPLOY = Errand()


def deployment(
    configuration: Configuration,
    fleet: Fleet,
    releases: Releases,
    routers: Routers,
    errand: Errand = DEPLOY,
) -> Deployment:
    """Return what the errand does for a configuration.

    On the way back, a ``rollback``, its release command does not run, and only a ``deploy`` has a canary.
    Raises NoRoom when an instance fits on no node, FairleadError when a host name belongs to another app, or
    when an instance would begin without the volumes that it has had.
    """
    active = active_of(releases)
    known = (active["number"], active["configuration_hash"]) if active else None
    number, _ = opening(_turns(releases), configuration.hash())
    rechecked = _rechecked(_before(releases), configuration)
    free = errand.move_volumes
    if not free:
        refuse_moves(configuration, errand.moves, fleet)
    trying = errand.kind == "deploy"
    manner = Manner(rechecked, trying=trying, moves=errand.moves, move_volumes=free)
    made = plan(configuration, fleet, known, number, manner)
    if not free:
        starting = [action.slot for action in made.actions if action.new]
        refuse_unseen(configuration, _before(releases), starting, fleet)
    forward = errand.kind != "rollback"
    task = tasks.task_of(made, configuration, _before(releases), fleet) if forward else None
    return replace(_deployment(made, configuration, fleet, routers, releases), task=task)


def removal(app: str, fleet: Fleet, routers: Routers, *, volumes: bool = False) -> Deployment:
    """Return the removal of an app, and of its volumes too if that is asked for.

    Its table is empty, and there is no way back.
    """
    made = _deployment(removal_plan(app, fleet), Configuration(app, ()), fleet, routers, ())
    nodes = sorted({*made.finish.remove, *made.leftovers})
    remove = {node: (*made.finish.remove.get(node, ()), *made.leftovers.get(node, ())) for node in nodes}
    stored = Remains(stored_of(app, fleet), removed=volumes)
    return replace(made, finish=replace(made.finish, remove=remove), stored=stored)


def _deployment(
    made: Plan, configuration: Configuration, fleet: Fleet, routers: Routers, releases: Releases
) -> Deployment:
    before, active = _before(releases), active_of(releases)
    phases = rollout(made, configuration, fleet, before)
    finish = phases[-1] if phases and phases[-1].remove else Phase()
    reversible = tuple(phase for phase in phases if not phase.remove)
    table = final_table(made, configuration, fleet)
    routes = foresee(table, routers)
    hold: tuple[Phase, ...] = ()
    if any(phase.table for phase in phases):
        routes = apart_from_instances(routes)
    elif routes:
        hold = (Phase(table=table),)
    return Deployment(
        plan=made,
        configuration=configuration,
        phases=(*reversible, *hold),
        finish=finish,
        table=table,
        routes=routes,
        undo=undo(made, reversible, len(reversible) - 1, before, fleet) if reversible else Undo({}, None, {}),
        active=active["number"] if active else None,
        unsettled=any(turn.state == PENDING for turn in _turns(releases)),
        leftovers=tasks.leftovers_of(configuration.app, fleet),
    )


def _turns(releases: Releases) -> list[Turn]:
    return [Turn(r["number"], r["state"], r["configuration_hash"]) for r in reversed(releases)]


def _before(releases: Releases) -> Configuration | None:
    active = active_of(releases)
    return recorded(active) if active else None


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
