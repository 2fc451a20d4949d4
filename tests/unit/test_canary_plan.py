# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts with a canary as they go, what the plan says of them, and when there is none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Canary,
    Configuration,
    Health,
    Process,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance
from ansible_collections.fairlead.paas.plugins.module_utils.plan.deployment import (
    Deployment,
    Errand,
    deployment,
)
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import Phase
from tests.unit.routers import serving
from tests.unit.worlds import IMAGE, instance, node, process, shop

NEW_IMAGE = IMAGE.replace("ab" * 32, "cd" * 32)
NODES = (node("n1"), node("n2"))
OLD, NEW = process("web", 2), process("web", 2, image=NEW_IMAGE)
TWO = (instance(1, "n1", OLD), instance(2, "n2", OLD))
CANARY = Canary(weight=5)


def deploy(
    wanted: Configuration,
    *observed: Instance,
    before: Configuration | None = None,
    kind: str = "deploy",
    memory: int = 1024,
) -> Deployment:
    """Plan on two nodes where ``before`` is active as v3."""
    before = before or shop(OLD)
    active: dict[str, Any] = {
        "number": 3,
        "state": "active",
        "configuration": json.loads(json.dumps(before.as_dict())),
        "configuration_hash": before.hash(),
    }
    nodes = (node("n1", memory), node("n2", memory))
    return deployment(wanted, Fleet(nodes, observed or TWO), [active], {}, Errand(kind))


def story(phases: Iterable[Phase]) -> list[str]:
    """Return the phases as words: stops, starts, the routers' servers with their weights, what is tried."""
    return [", ".join(_words(phase)) for phase in phases]


def _words(phase: Phase) -> Iterable[str]:
    yield from (f"stop {item['container'][3:]}" for items in phase.stop.values() for item in items)
    yield from (f"start {item['name']}" for items in phase.start.values() for item in items)
    if phase.table:
        servers = [f"{it.name}*{it.weight}" for each in phase.table.backends for it in each.servers]
        yield " ".join(["route", *servers])
    if phase.canary:
        yield " ".join(["try", *(name for names in phase.canary.servers.values() for name in names)])


def test_the_fewest_start_beside_all_others_are_tried_and_then_it_goes_on_as_ever() -> None:
    assert story(deploy(shop(NEW, canary=CANARY)).phases) == [
        (
            "start shop.web.1-v4, route web.1-n1-25701*19 web.1-n1-25702*2 web.2-n2-25701*19,"
            " try web.1-n1-25702"
        ),
        "route web.1-n1-25702*1 web.2-n2-25701*1",
        "stop shop.web.1-n1-25701, start shop.web.2-v4, route web.1-n1-25702*1 web.2-n2-25702*1",
    ]


def test_a_greater_share_takes_more_instances_than_parallelism_says() -> None:
    old, new = process("web", 4), process("web", 4, image=NEW_IMAGE)
    four = [instance(number, f"n{1 + number // 3}", old, 25700 + number) for number in (1, 2, 3, 4)]
    tried = deploy(shop(new, canary=Canary(weight=50)), *four).phases
    assert story(tried)[0] == (
        "start shop.web.1-v4, start shop.web.2-v4, route web.1-n1-25701*1 web.1-n1-25703*2 web.2-n1-25702*1"
        " web.2-n1-25704*2 web.3-n2-25703*1 web.4-n2-25704*1, try web.1-n1-25703 web.2-n1-25704"
    )
    assert len(tried) == 4


def test_before_blue_green_comes_the_canary() -> None:
    assert story(deploy(shop(NEW, canary=CANARY, parallelism="all")).phases) == [
        (
            "start shop.web.1-v4, route web.1-n1-25701*19 web.1-n1-25702*2 web.2-n2-25701*19,"
            " try web.1-n1-25702"
        ),
        "route web.1-n1-25702*1 web.2-n2-25701*1",
        "stop shop.web.1-n1-25701, start shop.web.2-v4, route web.1-n1-25702*1 web.2-n2-25702*1",
    ]


def test_a_process_without_requests_waits_until_the_others_are_tried() -> None:
    worker = process("worker", port=None)
    old = instance(1, "n1", worker, None)
    both = shop(NEW, replace(worker, spec=replace(worker.spec, image=NEW_IMAGE)), canary=CANARY)
    phases = story(deploy(both, *TWO, old).phases)
    assert "worker" not in phases[0] + phases[1]
    assert "start shop.worker.1-v4" in phases[2]


def test_what_replaces_nothing_is_tried_first() -> None:
    dead = replace(TWO[1], running=False)
    assert story(deploy(shop(NEW, canary=CANARY), TWO[0], dead).phases)[0] == (
        "start shop.web.2-v4, route web.1-n1-25701*19 web.2-n2-25702*1, try web.2-n2-25702"
    )


def test_a_killed_canary_is_tried_again_and_taken_back_with_its_instances() -> None:
    new = instance(1, "n1", NEW, 25702, release=4, name="shop.web.1-v4")
    again = deploy(shop(NEW, canary=CANARY), *TWO, new)
    assert story(again.phases)[0] == (
        "route web.1-n1-25701*19 web.1-n1-25702*2 web.2-n2-25701*19, try web.1-n1-25702"
    )
    assert again.undo.table
    assert [server.port for server in again.undo.table.backends[0].servers] == [25701, 25701]
    assert again.undo.remove["n1"] == (new.container,)


def test_a_killed_canary_of_the_only_instance_is_tried_again_too() -> None:
    one, new = process("web"), process("web", image=NEW_IMAGE)
    observed = (instance(1, "n1", one), instance(1, "n1", new, 25702, release=4, name="shop.web.1-v4"))
    again = deploy(shop(new, canary=CANARY), *observed, before=shop(one))
    assert story(again.phases) == [
        "route web.1-n1-25701*19 web.1-n1-25702*1, try web.1-n1-25702",
        "route web.1-n1-25702*1",
    ]


def test_weights_that_a_killed_run_left_are_mended_though_nothing_else_differs() -> None:
    table = deploy(shop(OLD)).table
    left = replace(
        table,
        backends=tuple(
            replace(each, servers=tuple(replace(it, weight=19) for it in each.servers))
            for each in table.backends
        ),
    )
    active = {
        "number": 3,
        "state": "active",
        "configuration": shop(OLD).as_dict(),
        "configuration_hash": shop(OLD).hash(),
    }
    made = deployment(shop(OLD), Fleet(NODES, TWO), [active], {"r1": serving(left)})
    assert made.changed
    assert [phase.table for phase in made.phases] == [table]
    assert "    ~ server shop.web/web.1-n1-25701 weight 19 -> 1" in made.text.splitlines()


WITHOUT = {
    "nothing new": (shop(OLD, canary=CANARY), TWO, shop(OLD, canary=CANARY), "deploy"),
    "first deploy": (shop(NEW, canary=CANARY), (replace(TWO[0], running=False),), None, "deploy"),
    "only the scale": (shop(process("web", 3), canary=CANARY), TWO, None, "scale"),
    "only the routes": (shop(OLD, hosts={"a.example.com": "web"}, canary=CANARY), TWO, None, "deploy"),
    "one is gone": (shop(OLD, canary=CANARY), TWO[:1], shop(OLD, canary=CANARY), "deploy"),
    "changed by hand": (
        shop(OLD, canary=CANARY),
        (TWO[0], replace(TWO[1], spec="other", drift=("memory",))),
        shop(OLD, canary=CANARY),
        "deploy",
    ),
    "restart": (shop(process("web", 2, generation=1), canary=CANARY), TWO, None, "restart"),
    "rollback": (shop(NEW, canary=CANARY), TWO, None, "rollback"),
    "no requests": (shop(NEW, hosts={}, canary=CANARY), TWO, None, "deploy"),
    "not wanted": (shop(NEW), TWO, shop(OLD, canary=CANARY), "deploy"),
}


@pytest.mark.parametrize(("wanted", "observed", "before", "kind"), WITHOUT.values(), ids=WITHOUT)
def test_nothing_is_tried(
    wanted: Configuration, observed: tuple[Instance, ...], before: Configuration | None, kind: str
) -> None:
    made = deploy(wanted, *observed, before=before, kind=kind)
    assert not any(phase.canary for phase in made.phases)
    assert "canary" not in made.text


def test_the_plan_says_what_is_tried_and_the_playbook_gets_it_as_data() -> None:
    made = deploy(shop(NEW, canary=CANARY))
    assert made.text.splitlines()[-1] == (
        "  canary: shop.web.1 gets 5 % of web's requests for 1m;"
        " aborted over 1 % more 5xx or 1.5x the p95 of the old release"
    )
    trials = [phase["canary"] for phase in made.as_dict()["phases"]]
    assert trials[1:] == [None, None]
    assert trials[0] == {
        "servers": {"shop.web": ["web.1-n1-25702"]},
        "canary": {"weight": 5, "hold": 60.0, "max_5xx": 1.0, "max_p95": 1.5},
    }


def test_backends_are_for_canaries_only_if_the_app_has_one() -> None:
    assert [each.canary for each in deploy(shop(NEW)).table.backends] == [False]
    assert [each.canary for each in deploy(shop(NEW, canary=CANARY)).table.backends] == [True]


def test_without_room_beside_all_that_runs_a_canary_is_refused() -> None:
    with pytest.raises(NoRoom) as caught:
        deploy(shop(NEW, canary=CANARY, max_unavailable=1), memory=128)
    assert "A canary needs room beside all that runs: make some, or deploy without update.canary." in str(
        caught.value
    )
    assert "max_unavailable" not in str(caught.value)


def test_a_release_that_is_asked_for_another_health_path_cannot_be_tried() -> None:
    def at(path: str, of: Process) -> Process:
        return replace(of, health=Health(path))

    with pytest.raises(
        FairleadError, match=r"^shop\.web changes its health\.path and has a canary: a router"
    ):
        deploy(shop(at("/new", NEW), canary=CANARY), before=shop(at("/old", OLD)))
    assert deploy(shop(at("/new", NEW)), before=shop(at("/old", OLD), canary=CANARY)).phases
