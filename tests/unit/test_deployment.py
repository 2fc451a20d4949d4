# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook is given to carry out, and what it is told when a run before was killed."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Health,
    Process,
    ReleaseCommand,
    Spec,
    Update,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Leftover, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.deployment import (
    Deployment,
    Errand,
    deployment,
    orphans,
    removal,
)
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import Phase
from ansible_collections.fairlead.paas.plugins.module_utils.plan.wanted import restarted, scaled
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
        (2**26, {"max_unavailable": 1}, [(["old"], "/old"), (["new"], "/new"), (["new", "new"], "/new")]),
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
    assert (made.phases, made.changed) == ((Phase(table=table),), True)
    assert made.text.splitlines()[-2:] == ["  r2, r3", "    + host shop.example.com -> shop.web"]
    assert made.as_dict()["routes"]["r3"] == ["+ host shop.example.com -> shop.web"]


def test_routers_that_serve_the_plan_need_nothing() -> None:
    found, active = running(SHOP, 3), [release(3, "active", SHOP)]
    table = deployment(SHOP, found, active, {}).table
    made = deployment(SHOP, found, active, {"r1": serving(table)})
    assert (made.changed, made.phases) == (False, ())


def test_the_plan_shows_host_names_and_leaves_servers_to_the_instances() -> None:
    made = deployment(SHOP, EMPTY, [], {"r1": serving(Table("shop"))})
    assert len(made.phases) == 1  # it routes
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


def test_all_processes_of_an_app_return_together() -> None:
    """The undo of a rollout that fails anywhere names what every process started and stopped."""
    worker = Process("worker", 1, replace(SPEC, port=None))
    before = replace(SHOP, processes=(*SHOP.processes, worker))
    runs = running(before, 1)
    ours = replace(
        runs.instances[0],
        slot=Slot("shop", "worker", 1),
        container="id-1-w",
        name="shop.worker.1-v1",
        port=None,
        spec=worker.spec.hash(),
    )
    fleet = Fleet.of(runs.nodes, [*runs.instances, ours])
    after = replace(
        before, processes=tuple(replace(p, spec=replace(p.spec, env={"A": "1"})) for p in before.processes)
    )
    made = deployment(after, fleet, [release(1, "active", before)], {})
    assert {name for names in made.undo.remove.values() for name in names} == {
        *("shop.web.1-v2", "shop.web.2-v2", "shop.worker.1-v2"),
    }
    assert {item["container"] for items in made.undo.resume.values() for item in items} == {
        "id-1-1",
        "id-1-w",
    }


MIGRATING = replace(CHANGED, release=ReleaseCommand(("migrate", "--all"), 90.0))


def test_a_release_command_runs_as_its_largest_process_where_the_first_new_instance_comes() -> None:
    small = Process("cron", 1, replace(SPEC, memory=2**25, port=None, env={"A": "2"}))
    configuration = replace(MIGRATING, processes=(*MIGRATING.processes, small))
    made = deployment(configuration, running(SHOP, 1), [release(1, "active", SHOP)], {})
    task = made.as_dict()["task"]
    spec = CHANGED.processes[0].spec
    assert task == {
        "node": "n1",
        "name": "shop.release-v2",
        "release": 2,
        "spec": json.loads(json.dumps(asdict(replace(spec, command=("migrate", "--all"), port=None)))),
        "deadline": 90.0,
    }
    assert "  n1\n    + shop.release-v2  the release command, before anything is switched" in made.text


@pytest.mark.parametrize(
    ("configuration", "node"),
    [
        (replace(SHOP, release=MIGRATING.release), "n1"),
        (replace(SHOP, processes=(Process("web", 0, SPEC),), release=MIGRATING.release), "n1"),
    ],
    ids=["all stay", "nothing runs"],
)
def test_a_release_that_starts_nothing_runs_its_command_all_the_same(
    configuration: Configuration, node: str
) -> None:
    made = deployment(configuration, running(SHOP, 1), [release(1, "active", SHOP)], {})
    assert made.task
    assert made.task.node == node


@pytest.mark.parametrize(
    ("others", "node"),
    [({}, "n1"), ({"n1": 7}, "n2"), ({"n1": 8, "n2": 7.5}, "n2")],
    ids=["room", "none where it would start", "none anywhere"],
)
def test_a_release_command_goes_where_the_memory_for_it_is(others: dict[str, float], node: str) -> None:
    fleet = running(SHOP, 1)
    crowd = [
        replace(
            fleet.instances[0], slot=Slot("crowd", "web", 1), node=name, port=None, memory=int(size * 2**30)
        )
        for name, size in others.items()
    ]
    crowded = Fleet.of(fleet.nodes, [*fleet.instances, *crowd])
    made = deployment(replace(SHOP, release=MIGRATING.release), crowded, [release(1, "active", SHOP)], {})
    assert made.task
    assert made.task.node == node


@pytest.mark.parametrize(
    "configuration",
    [
        MIGRATING,
        replace(MIGRATING, hosts={}),
        scaled(MIGRATING, {"web": 3}),
        restarted(MIGRATING),
    ],
    ids=["mended", "other routes", "scaled", "restarted"],
)
def test_what_brings_nothing_new_to_a_release_command_does_not_run_it(configuration: Configuration) -> None:
    gone = Fleet.of(EMPTY.nodes, running(MIGRATING, 3).instances[:1])
    made = deployment(configuration, gone, [release(3, "active", MIGRATING)], {})
    assert made.changed
    assert made.as_dict()["task"] is None


def test_the_way_back_runs_no_release_command() -> None:
    assert deployment(MIGRATING, running(SHOP, 1), [release(1, "active", SHOP)], {}).task
    assert not deployment(
        MIGRATING, running(SHOP, 1), [release(1, "active", SHOP)], {}, Errand("rollback")
    ).task


def test_what_a_killed_release_command_left_is_removed_though_nothing_else_changes() -> None:
    ran = running(SHOP, 3)
    left = [Leftover("shop", "n2", "0123456789abcdef"), Leftover("blog", "n1", "other")]
    fleet = Fleet.of(ran.nodes, ran.instances, left)
    made = deployment(SHOP, fleet, [release(3, "active", SHOP)], {})
    assert (made.changed, made.as_dict()["leftovers"]) == (True, {"n2": ["0123456789abcdef"]})
    assert made.text.endswith("  n2\n    - 0123456789ab  a release command that a killed run left")
    gone = removal("shop", fleet, {}).as_dict()["finish"]["remove"]
    assert gone == {"n1": ["id-3-1"], "n2": ["id-3-2", "0123456789abcdef"]}


def test_the_playbook_is_told_how_the_update_goes_and_where() -> None:
    update = Update(monitor=3.0, on_failure="pause")
    data = deployment(
        replace(CHANGED, update=update), running(SHOP, 1), [release(1, "active", SHOP)], {}
    ).as_dict()
    assert (data["monitor"], data["on_failure"], data["nodes"]) == (3.0, "pause", ["n1", "n2"])


def test_what_the_playbook_gets_is_plain_data() -> None:
    data = deployment(CHANGED, running(SHOP, 1), [release(1, "active", SHOP)], {}).as_dict()
    assert json.loads(json.dumps(data)) == data
    assert {"drain", "deadline", "phases", "finish", "table", "undo", "release"} <= set(data)


def test_an_app_that_runs_without_a_file_is_an_orphan() -> None:
    assert orphans(running(SHOP, 1), ["blog"]) == {"shop": ("n1", "n2")}
    assert orphans(running(SHOP, 1), ["shop"]) == {}
