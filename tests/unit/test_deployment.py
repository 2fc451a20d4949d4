# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook is given to carry out, and what it is told when a run before was killed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Health,
    Process,
    Spec,
    Update,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.deployment import (
    Deployment,
    deployment,
    orphans,
    removal,
)
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from tests.unit.routers import serving

SPEC = Spec(image="registry:5000/shop@sha256:1", port=8080, memory=2**26)
SHOP = Configuration("shop", (Process("web", 2, SPEC),), {"shop.example.com": "web"})
CHANGED = replace(SHOP, processes=(Process("web", 2, replace(SPEC, env={"A": "1"})),))
EMPTY = Fleet.of([Node("n1", "10.0.0.1"), Node("n2", "10.0.0.2")], [])


def release(number: int, state: str, configuration: Configuration) -> dict[str, Any]:
    """Return a release as the ledger gives it, after a way through JSON."""
    kept = json.loads(json.dumps(configuration.as_dict()))
    return {
        "number": number,
        "state": state,
        "configuration": kept,
        "configuration_hash": configuration.hash(),
    }


def running(configuration: Configuration, number: int) -> Fleet:
    """Return the fleet after a deploy of the configuration as release ``number``."""
    instances = [
        Instance(
            slot=Slot("shop", "web", slot),
            node=f"n{slot}",
            container=f"id-{number}-{slot}",
            name=f"shop.web.{slot}-v{number}",
            release=number,
            image=SPEC.image,
            spec=configuration.processes[0].spec.hash(),
            memory=SPEC.memory,
            cpu=SPEC.cpu,
            port=25701,
        )
        for slot in (1, 2)
    ]
    return Fleet.of(EMPTY.nodes, instances)


def test_a_first_deploy_starts_all_in_one_phase_and_undoes_to_nothing() -> None:
    made = deployment(SHOP, EMPTY, [], {})
    assert (made.plan.release, made.plan.is_new_release, len(made.phases)) == (1, True, 1)
    assert made.undo.table is not None
    assert made.undo.table.hosts == {}
    assert {node: len(names) for node, names in made.undo.remove.items()} == {"n1": 1, "n2": 1}
    assert made.finish.remove == {}


def test_a_deploy_with_nothing_to_do_has_no_phase_and_keeps_its_release() -> None:
    made = deployment(SHOP, running(SHOP, 3), [release(3, "active", SHOP)], {})
    assert (made.plan.release, made.plan.changed, made.phases, made.unsettled) == (3, False, (), False)
    assert [server.name for server in made.table.backends[0].servers] == ["web.1-n1-25701", "web.2-n2-25701"]


def test_an_update_is_undone_to_the_very_containers_that_served_before() -> None:
    made = deployment(CHANGED, running(SHOP, 1), [release(1, "active", SHOP)], {})
    assert made.plan.release == 2
    resumed = [item["container"] for items in made.undo.resume.values() for item in items]
    assert resumed == ["id-1-1"]  # slot 2's only stops in the phase that cannot be undone
    assert made.undo.table is not None
    assert [server.port for server in made.undo.table.backends[0].servers] == [25701, 25701]
    assert {name for names in made.undo.remove.values() for name in names} == {
        "shop.web.1-v2",
        "shop.web.2-v2",
    }
    assert made.finish.remove == {"n1": ("id-1-1",), "n2": ("id-1-2",)}


def test_the_release_of_a_killed_run_keeps_its_number_when_it_is_finished() -> None:
    found = [release(2, "pending", CHANGED), release(1, "active", SHOP)]
    made = deployment(CHANGED, running(SHOP, 1), found, {})
    assert (made.plan.release, made.plan.is_new_release, made.unsettled) == (2, True, True)


def test_going_back_after_a_killed_run_settles_what_it_left_pending() -> None:
    found = [release(2, "pending", CHANGED), release(1, "active", SHOP)]
    made = deployment(SHOP, running(SHOP, 1), found, {})
    assert (made.plan.release, made.plan.is_new_release, made.unsettled) == (1, False, True)


def checked(path: str, spec: Spec = SPEC, **update: Any) -> Configuration:
    """Return shop with a health path."""
    return replace(SHOP, processes=(Process("web", 2, spec, health=Health(path)),), update=Update(**update))


def check_paths(made: Deployment) -> list[tuple[list[str], str]]:
    """Return what each table of a rollout leads to, known by its port, and which path it asks for."""
    backends = [phase.table.backends[0] for phase in made.phases if phase.table]
    names = {25701: "old", 25702: "new"}
    return [([names[server.port] for server in each.servers], each.check.path) for each in backends]


@pytest.mark.parametrize(
    ("memory", "update", "paths"),
    [
        (2**30, {}, [(["new", "new"], "/new")]),
        (2**26, {}, [(["old"], "/old"), (["new"], "/new"), (["new", "new"], "/new")]),
        (2**30, {"order": "stop-first"}, [(["old"], "/old"), (["new"], "/new"), (["new", "new"], "/new")]),
    ],
    ids=["all at once", "no room", "stop-first"],
)
def test_a_changed_health_path_is_asked_only_when_a_new_instance_serves(
    memory: int, update: dict[str, Any], paths: list[tuple[list[str], str]]
) -> None:
    old, new = checked("/old"), checked("/new", replace(SPEC, env={"A": "1"}), **update)
    fleet = running(old, 1)
    fleet = replace(fleet, nodes=tuple(replace(node, memory=memory) for node in fleet.nodes))
    assert check_paths(deployment(new, fleet, [release(1, "active", old)], {})) == paths


def test_a_removal_routes_nothing_and_removes_all() -> None:
    made = removal("shop", running(SHOP, 1), {})
    assert (made.table.hosts, made.table.backends) == ({}, ())
    assert made.finish.remove == {"n1": ("id-1-1",), "n2": ("id-1-2",)}


def test_a_router_that_differs_is_held_to_the_plan_though_no_container_changes() -> None:
    found, active = running(SHOP, 3), [release(3, "active", SHOP)]
    table = deployment(SHOP, found, active, {}).table
    stale = serving(replace(table, hosts={}))
    made = deployment(SHOP, found, active, {"r1": serving(table), "r2": stale, "r3": stale})
    assert (made.phases, made.changed, made.reroute) == ((), True, ["r2", "r3"])
    assert made.text.splitlines()[-2:] == ["  r2, r3", "    + host shop.example.com -> shop.web"]
    assert made.as_dict()["routes"]["r3"] == ["+ host shop.example.com -> shop.web"]


def test_routers_that_serve_the_plan_need_nothing() -> None:
    found, active = running(SHOP, 3), [release(3, "active", SHOP)]
    table = deployment(SHOP, found, active, {}).table
    made = deployment(SHOP, found, active, {"r1": serving(table)})
    assert (made.changed, made.reroute) == (False, [])


def test_the_plan_shows_host_names_and_leaves_servers_to_the_instances() -> None:
    made = deployment(SHOP, EMPTY, [], {"r1": serving(Table("shop"))})
    assert made.reroute == []  # the phase routes
    assert made.text.splitlines()[-3:] == [
        "  r1",
        "    + host shop.example.com -> shop.web",
        "    ~ backends and checks: reload",
    ]


def test_a_host_of_another_app_is_refused_before_anything_is_touched() -> None:
    taken = serving(Table("shop"))
    taken = replace(taken, hosts={"shop.example.com": "blog.web"})
    with pytest.raises(FairleadError, match='belongs to the app "blog" on this router'):
        deployment(SHOP, EMPTY, [], {"r1": taken})


def test_what_the_playbook_gets_is_plain_data() -> None:
    data = deployment(CHANGED, running(SHOP, 1), [release(1, "active", SHOP)], {}).as_dict()
    assert json.loads(json.dumps(data)) == data
    assert {"drain", "deadline", "phases", "finish", "table", "undo", "release"} <= set(data)


def test_an_app_that_runs_without_a_file_is_an_orphan() -> None:
    assert orphans(running(SHOP, 1), ["blog"]) == {"shop": ("n1", "n2")}
    assert orphans(running(SHOP, 1), ["shop"]) == {}
