# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts as they go: what each phase stops and starts, what the routers have after it, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Health,
    Process,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import Plan, plan, removal_plan
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import Phase, final_table, rollout
from ansible_collections.fairlead.paas.plugins.module_utils.plan.undo import Undo, standing_table, undo
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Check, Server, Table
from tests.unit.worlds import IMAGE, M, instance, node, process, shop

NEW_IMAGE = IMAGE.replace("ab" * 32, "cd" * 32)
NODES = (node("n1"), node("n2"))
PING = Health("/_ping")

OLD = process("web", 2, stop_timeout=20.0)
NEW = replace(process("web", 2, image=NEW_IMAGE, stop_timeout=20.0), health=PING)
TWO = (instance(1, "n1", OLD), instance(2, "n2", OLD))
PLAN = Plan("shop", 4, is_new_release=True, actions=())


def rolled(
    configuration: Configuration, *observed: Instance, nodes: Iterable[Node] = NODES
) -> tuple[Phase, ...]:
    fleet = Fleet(tuple(nodes), observed)
    return rollout(plan(configuration, fleet, (3, "older"), 4), configuration, fleet)


def story(phases: Iterable[Phase]) -> list[str]:
    """Return the phases as words: stops, starts, the servers the routers have, removals."""
    return [", ".join(_words(phase)) for phase in phases]


def _words(phase: Phase) -> Iterable[str]:
    yield from (f"stop {item['container'][3:]}" for items in phase.stop.values() for item in items)
    yield from (f"start {item['name']} on {place}" for place, items in phase.start.items() for item in items)
    if phase.table:
        servers = [server.name for backend in phase.table.backends for server in backend.servers]
        yield " ".join(["route", *servers])
    yield from (f"remove {container[3:]}" for items in phase.remove.values() for container in items)


def test_an_update_goes_step_by_step_and_removes_at_the_end() -> None:
    assert story(rolled(shop(NEW), *TWO)) == [
        "start shop.web.1-v4 on n1, route web.1-n1-25702 web.2-n2-25701",
        "stop shop.web.1-n1-25701, start shop.web.2-v4 on n2, route web.1-n1-25702 web.2-n2-25702",
        "stop shop.web.2-n2-25701, remove shop.web.1-n1-25701, remove shop.web.2-n2-25701",
    ]


def test_parallelism_makes_one_step_of_many() -> None:
    assert story(rolled(shop(NEW, parallelism=2), *TWO)) == [
        "start shop.web.1-v4 on n1, start shop.web.2-v4 on n2, route web.1-n1-25702 web.2-n2-25702",
        (
            "stop shop.web.1-n1-25701, stop shop.web.2-n2-25701, "
            "remove shop.web.1-n1-25701, remove shop.web.2-n2-25701"
        ),
    ]


def test_parallelism_all_goes_over_in_one_change_and_stops_afterwards() -> None:
    old = [instance(number, place, OLD) for number, place in enumerate(("n1", "n2", "n3"), 1)]
    nodes = (*NODES, node("n3"))
    assert story(rolled(shop(replace(NEW, scale=3), parallelism="all"), *old, nodes=nodes)) == [
        (
            "start shop.web.1-v4 on n1, start shop.web.2-v4 on n2, start shop.web.3-v4 on n3, "
            "route web.1-n1-25702 web.2-n2-25702 web.3-n3-25702"
        ),
        (
            "stop shop.web.1-n1-25701, stop shop.web.2-n2-25701, stop shop.web.3-n3-25701, "
            "remove shop.web.1-n1-25701, remove shop.web.2-n2-25701, remove shop.web.3-n3-25701"
        ),
    ]


def test_parallelism_all_lets_go_first_of_what_has_no_room_beside_it_and_still_goes_over_once() -> None:
    tight = (node("n1", 256), node("n2", 128))
    assert story(rolled(shop(NEW, parallelism="all", max_unavailable=1), *TWO, nodes=tight)) == [
        "route web.1-n1-25701",
        (
            "stop shop.web.2-n2-25701, start shop.web.1-v4 on n1, start shop.web.2-v4 on n2, "
            "route web.1-n1-25702 web.2-n2-25702"
        ),
        "stop shop.web.1-n1-25701, remove shop.web.1-n1-25701, remove shop.web.2-n2-25701",
    ]


def test_stop_first_routes_out_before_it_stops_and_starts() -> None:
    assert story(rolled(shop(NEW, order="stop-first"), *TWO)) == [
        "route web.2-n2-25701",
        "stop shop.web.1-n1-25701, start shop.web.1-v4 on n1, route web.1-n1-25702",
        "stop shop.web.2-n2-25701, start shop.web.2-v4 on n2, route web.1-n1-25702 web.2-n2-25702",
        "remove shop.web.1-n1-25701, remove shop.web.2-n2-25701",
    ]


def test_a_first_deploy_is_one_phase() -> None:
    assert story(rolled(shop(NEW))) == [
        "start shop.web.1-v4 on n1, start shop.web.2-v4 on n2, route web.1-n1-25701 web.2-n2-25701"
    ]


def test_scaling_down_routes_first_then_stops_and_removes() -> None:
    assert story(rolled(shop(replace(OLD, scale=1)), *TWO)) == [
        "route web.1-n1-25701",
        "stop shop.web.2-n2-25701, remove shop.web.2-n2-25701",
    ]


def test_scaling_up_starts_only_the_difference() -> None:
    assert story(rolled(shop(replace(OLD, scale=3)), *TWO)) == [
        "start shop.web.3-v4 on n1, route web.1-n1-25701 web.2-n2-25701 web.3-n1-25702"
    ]


def test_a_surplus_process_goes_last() -> None:
    api = instance(1, "n1", process("api"), 25702)
    assert story(rolled(shop(NEW, parallelism=2), *TWO, api))[-1] == (
        "stop shop.web.1-n1-25701, stop shop.api.1-n1-25702, stop shop.web.2-n2-25701, "
        "remove shop.api.1-n1-25702, remove shop.web.1-n1-25701, remove shop.web.2-n2-25701"
    )


def test_an_instance_that_moves_starts_there_before_it_stops_here() -> None:
    tight = (node("n1", 512), node("n2", 128))
    assert story(rolled(shop(NEW), *TWO, nodes=tight)) == [
        "start shop.web.1-v4 on n1, route web.1-n1-25702 web.2-n2-25701",
        "stop shop.web.1-n1-25701, start shop.web.2-v4 on n1, route web.1-n1-25702 web.2-n1-25703",
        "stop shop.web.2-n2-25701, remove shop.web.1-n1-25701, remove shop.web.2-n2-25701",
    ]


def test_an_instance_without_room_beside_it_is_routed_out_in_the_phase_before_it_stops() -> None:
    tight = (node("n1", 256), node("n2", 128))
    full = (*TWO, instance(1, "n1", process("api"), 25705))
    both = shop(NEW, process("api"), max_unavailable=1)
    assert story(rolled(both, *full, nodes=tight)) == [
        "route web.2-n2-25701",
        "stop shop.web.1-n1-25701, start shop.web.1-v4 on n1, route web.1-n1-25702",
        "stop shop.web.2-n2-25701, start shop.web.2-v4 on n2, route web.1-n1-25702 web.2-n2-25702",
        "remove shop.web.1-n1-25701, remove shop.web.2-n2-25701",
    ]


def test_processes_without_a_port_are_never_routed() -> None:
    worker = process("worker", port=None)
    old = instance(1, "n1", process("worker", port=None, memory=64 * M), None)
    assert story(rolled(shop(worker), old)) == [
        "start shop.worker.1-v4 on n1, route",
        "stop shop.worker.1-n1-None, remove shop.worker.1-n1-None",
    ]


def test_what_does_not_run_is_replaced_without_a_stop() -> None:
    dead = replace(TWO[0], running=False)
    assert story(rolled(shop(OLD), dead, TWO[1])) == [
        "start shop.web.1-v4 on n1, route web.1-n1-25702 web.2-n2-25701",
        "remove shop.web.1-n1-25701",
    ]


def test_nothing_to_do_is_no_phase_and_still_a_table_for_the_routers() -> None:
    configuration, fleet = shop(OLD), Fleet(NODES, TWO)
    same = plan(configuration, fleet, (3, configuration.hash()), 4)
    assert rollout(same, configuration, fleet) == ()
    assert final_table(same, configuration, fleet) == Table(
        "shop",
        {"shop.apps.localhost": "shop.web"},
        (
            Backend(
                "shop.web",
                Check("/", 2.0, 1.0, 3),
                (
                    Server("web.1-n1-25701", "198.18.0.11", 25701),
                    Server("web.2-n2-25701", "198.18.0.12", 25701),
                ),
            ),
        ),
    )


def test_a_routed_process_has_a_backend_also_without_a_server() -> None:
    none = replace(OLD, scale=0, health=PING)
    fleet = Fleet(NODES)
    made = plan(shop(none), fleet, None, 1)
    assert final_table(made, shop(none), fleet).backends == (Backend("shop.web", Check("/_ping")),)


def test_a_start_carries_all_that_the_node_needs() -> None:
    phase = rolled(shop(NEW, parallelism=2), *TWO)[0]
    assert phase.as_dict()["start"]["n1"] == [
        {
            "slot": {"app": "shop", "process": "web", "number": 1},
            "release": 4,
            "spec": json.loads(json.dumps(NEW.spec.as_dict())),
            "spec_hash": NEW.spec.hash(),
            "host_port": 25702,
            "name": "shop.web.1-v4",
            "health": PING.as_dict(),
        }
    ]


def test_a_stop_carries_the_time_its_process_may_take() -> None:
    old = instance(1, "n1", Process("gone", 1, OLD.spec), 25702)
    last = rolled(shop(replace(OLD, scale=1)), *TWO, old)[-1]
    assert last.stop == {
        "n1": ({"container": "id-shop.gone.1-n1-25702", "timeout": 10.0},),
        "n2": ({"container": "id-shop.web.2-n2-25701", "timeout": 20.0},),
    }


def test_a_removal_empties_the_table_first() -> None:
    fleet = Fleet(NODES, TWO)
    phases = rollout(removal_plan("shop", fleet), Configuration("shop", ()), fleet)
    assert phases[0] == Phase(table=Table("shop"))
    assert story(phases[1:]) == [
        (
            "stop shop.web.1-n1-25701, stop shop.web.2-n2-25701, "
            "remove shop.web.1-n1-25701, remove shop.web.2-n2-25701"
        )
    ]


def test_a_failed_step_is_undone_in_full() -> None:
    fleet, before = Fleet(NODES, TWO), shop(replace(OLD, health=PING))
    assert undo(PLAN, rolled(shop(NEW), *TWO), 1, before, fleet).as_dict() == {
        "resume": {"n1": [{"container": "id-shop.web.1-n1-25701", "health": PING.as_dict()}]},
        "table": json.loads(json.dumps(standing_table("shop", before, fleet).as_dict())),
        "remove": {"n1": ["shop.web.1-v4"], "n2": ["shop.web.2-v4"]},
        "stop": {},
    }


def test_a_failed_first_deploy_leaves_the_app_unrouted() -> None:
    back = undo(PLAN, rolled(shop(NEW)), 0, None, Fleet(NODES))
    assert back == Undo({}, Table("shop"), {"n1": ("shop.web.1-v4",), "n2": ("shop.web.2-v4",)})


def test_from_the_phase_that_removes_there_is_no_way_back() -> None:
    phases = rolled(shop(NEW), *TWO)
    assert undo(PLAN, phases, len(phases) - 1, shop(OLD), Fleet(NODES, TWO)) == Undo({}, None, {})
