# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans as people read them: what is kept, started, replaced, moved and stopped, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Process,
    Rules,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import Plan, plan, removal_plan
from tests.unit.worlds import IMAGE, M, instance, node, process, shop

NEW_IMAGE = IMAGE.replace("ab" * 32, "cd" * 32)
NODES = (node("n1", labels={"disk": "ssd"}), node("n2", labels={"disk": "hdd"}))


def planned(
    configuration: Configuration, *observed: Instance, nodes: Iterable[Node] = NODES, active: str = "older"
) -> Plan:
    """Return the plan on a fleet where v3 is active, with this configuration hash."""
    return plan(configuration, Fleet(tuple(nodes), observed), (3, active), 4)


def says(made: Plan, text: str) -> bool:
    assert str(made) == dedent(text).strip()
    return True


WEB = process("web", 2)
WORKER = process("worker", port=None, cpu=0.1)
TWO = (instance(1, "n1", WEB), instance(2, "n2", WEB))


def test_a_first_deploy_starts_everything() -> None:
    made = plan(shop(WEB, WORKER), Fleet(NODES), None, 1)
    assert says(
        made,
        """
        plan for shop, release v1: 3 start
          n1
            + shop.web.1     process web is new
            + shop.worker.1  process worker is new
          n2
            + shop.web.2     process web is new
        """,
    )
    assert [action.new.name for action in made.actions if action.new] == [
        "shop.web.1-v1",
        "shop.web.2-v1",
        "shop.worker.1-v1",
    ]


def test_a_second_run_changes_nothing_and_makes_no_release() -> None:
    configuration = shop(WEB)
    made = planned(configuration, *TWO, active=configuration.hash())
    assert (made.changed, made.release, made.is_new_release) == (False, 3, False)
    assert says(
        made,
        """
        plan for shop, release v3 (unchanged): 2 keep
          n1
            = shop.web.1  unchanged since v3
          n2
            = shop.web.2  unchanged since v3
        """,
    )


def test_new_routes_alone_are_a_release_that_touches_no_node() -> None:
    made = planned(shop(WEB, hosts={"shop.example.com": "web"}), *TWO)
    assert (made.changed, made.release, made.touches_nodes, made.count("keep")) == (True, 4, False, 2)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (process("web", 2, image=NEW_IMAGE), "image abababababab → cdcdcdcdcdcd"),
        (process("web", 2, memory=256 * M), "memory 128M → 256M"),
        (process("web", 2, image="shop:2", cpu=0.5), "image abababababab → shop:2, cpu 0.25 → 0.5"),
        (process("web", 2, env={"A": "b"}), "command, env, secrets or limits changed since v3"),
    ],
)
def test_a_changed_spec_replaces_at_home_and_says_what_differs(wanted: Process, reason: str) -> None:
    made = planned(shop(wanted), *TWO)
    assert [(a.kind, a.node, a.reason) for a in made.actions] == [
        ("replace", "n1", reason),
        ("replace", "n2", reason),
    ]
    assert [action.new.port for action in made.actions if action.new] == [25702, 25702]


def test_only_the_process_that_changed_is_touched() -> None:
    web = process("web", 3)
    made = planned(
        shop(web, process("worker", memory=256 * M, port=None)),
        *TWO,
        instance(1, "n2", WORKER, None),
        instance(1, "n1", process("old"), 25703),
    )
    assert says(
        made,
        """
        plan for shop, release v4: 1 start, 1 replace, 1 stop, 2 keep
          n1
            - shop.old.1     process old is no longer in the app
            = shop.web.1     unchanged since v3
            + shop.web.3     scale 2 → 3
          n2
            = shop.web.2     unchanged since v3
            ~ shop.worker.1  memory 128M → 256M, cpu 0.1 → 0.25
        """,
    )


def test_scaling_down_stops_the_worst_placed_and_says_why_that_one() -> None:
    made = planned(shop(process("web", 1)), *TWO, instance(3, "n1", WEB, 25702))
    assert says(
        made,
        """
        plan for shop, release v4: 2 stop, 1 keep
          n1
            = shop.web.1  unchanged since v3
            - shop.web.3  scale 3 → 1, n1 holds the most of it, 2
          n2
            - shop.web.2  scale 3 → 1, the highest slot
        """,
    )


@pytest.mark.parametrize(
    ("found", "kind", "reason", "name"),
    [
        (None, "start", "its container is gone", "shop.web.2-v3"),
        ({"running": False}, "replace", "its container does not run", "shop.web.2-v3-2"),
        (
            {"drift": ("memory limit 1G", "label")},
            "replace",
            "changed by hand: memory limit 1G, label",
            "shop.web.2-v3-2",
        ),
    ],
)
def test_what_was_removed_stopped_or_changed_by_hand_is_mended_in_the_same_release(
    found: dict[str, Any] | None, kind: str, reason: str, name: str
) -> None:
    configuration = shop(WEB)
    second = () if found is None else (replace(TWO[1], **found),)
    made = planned(configuration, TWO[0], *second, active=configuration.hash())
    assert (made.release, made.is_new_release, made.changed) == (3, False, True)
    action = made.actions[1]
    assert (action.kind, action.node, action.reason) == (kind, "n2", reason)
    assert action.new
    assert action.new.name == name


def test_of_a_slot_that_a_killed_run_left_twice_the_wanted_one_stays() -> None:
    old = instance(1, "n1", process("web", env={"OLD": "1"}), release=2, name="shop.web.1-v2")
    dead = instance(1, "n2", WEB, 25702, running=False, name="shop.web.1-v1", release=1)
    made = planned(shop(process("web", 1)), old, dead, instance(1, "n2", WEB))
    assert says(
        made,
        """
        plan for shop, release v4: 2 stop, 1 keep
          n1
            - shop.web.1  a second shop.web.1, beside shop.web.1-v3 on n2
          n2
            = shop.web.1  unchanged since v3
            - shop.web.1  left over, does not run
        """,
    )


def test_of_two_that_run_the_wanted_one_stays_even_if_it_is_older() -> None:
    later = instance(1, "n1", process("web", env={"LATER": "1"}), release=5)
    made = planned(shop(process("web", 1)), later, instance(1, "n2", WEB))
    assert [(action.kind, action.node) for action in made.actions] == [("stop", "n1"), ("keep", "n2")]


def test_a_node_that_is_no_longer_allowed_is_left() -> None:
    made = planned(shop(process("web", 2, rules=Rules(constraints=("disk == ssd",)))), *TWO)
    assert says(
        made,
        """
        plan for shop, release v4: 1 move, 1 keep
          n1
            = shop.web.1  unchanged since v3
            > shop.web.2  from n2
          n2
            > shop.web.2  to n1: disk is hdd, wants disk == ssd
        """,
    )


def test_a_lower_max_per_node_moves_those_above_it_and_keeps_those_that_need_no_change() -> None:
    web = process("web", 3, rules=Rules(max_per_node=2))
    changed = instance(1, "n1", process("web", env={"OLD": "1"}))
    made = planned(shop(web), changed, instance(2, "n1", web, 25702), instance(3, "n1", web, 25703))
    assert [(action.kind, action.node, action.reason) for action in made.actions] == [
        ("move", "n2", "n1 holds 3 of shop.web, max_per_node is 2"),
        ("keep", "n1", "unchanged since v3"),
        ("keep", "n1", "unchanged since v3"),
    ]


def test_an_old_and_a_new_one_of_a_slot_count_once_for_max_per_node() -> None:
    web = process("web", 2, image=NEW_IMAGE, rules=Rules(max_per_node=2))
    made = planned(shop(web), TWO[0], instance(2, "n1", WEB, 25702), nodes=NODES[:1])
    assert [(action.kind, action.stop_first) for action in made.actions] == [("replace", False)] * 2


def test_room_that_earlier_steps_give_back_is_used_so_that_nothing_moves() -> None:
    web = process("web", 3, image=NEW_IMAGE)
    old = [instance(number, "n1", WEB, 25700 + number) for number in (1, 2, 3)]
    made = planned(shop(web), *old, nodes=(node("n1", 512), node("n2")))
    assert [(a.kind, a.node, a.step, a.stop_first) for a in made.actions] == [
        ("replace", "n1", 1, False),
        ("replace", "n1", 2, False),
        ("replace", "n1", 3, False),
    ]


def test_without_room_beside_its_predecessor_an_instance_moves() -> None:
    web = process("web", 1, memory=192 * M)
    made = planned(shop(web), TWO[0], nodes=(node("n1", 224), node("n2")))
    assert says(
        made,
        """
        plan for shop, release v4: 1 move
          n1
            > shop.web.1  to n2: memory 128M → 192M; n1: 96M memory free, needs 192M
          n2
            > shop.web.1  from n1
        """,
    )


def test_without_room_beside_anywhere_it_is_stopped_first_and_the_plan_says_so() -> None:
    wanted = shop(process("web", 1, memory=192 * M), max_unavailable=1)
    made = planned(wanted, TWO[0], nodes=(node("n1", 224),))
    assert says(
        made,
        """
        plan for shop, release v4: 1 replace
          n1
            ~ shop.web.1  memory 128M → 192M; stopped first, no room beside it
        """,
    )
    assert made.actions[0].stop_first


MISSING = "no room for shop.web.1:\n  n1: 96M memory free, needs 192M\n"
ADVICE = "shop.web has room only if an instance stops before its successor starts. To let "


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (None, "without it, it is 0."),
        (0, "it is 0."),
        ("50%", "it is 50%, of 1 that is 0."),
    ],
)
def test_what_would_have_to_stop_first_is_refused_if_none_may_be_missing(
    setting: int | str | None, said: str
) -> None:
    wanted = shop(process("web", 1, memory=192 * M), max_unavailable=setting)
    with pytest.raises(NoRoom) as refused:
        planned(wanted, TWO[0], nodes=(node("n1", 224),))
    assert str(refused.value) == (
        f"{MISSING}{ADVICE}1 of 1 be missing then, set update.max_unavailable to 1 or more; {said}"
    )


def test_what_is_dead_is_missing_too() -> None:
    web = process("web", 2, memory=192 * M, rules=Rules(max_per_node=1))
    dead, nodes = replace(TWO[1], running=False), (node("n1", 224), node("n2", 64))
    with pytest.raises(NoRoom) as refused:
        planned(shop(web, max_unavailable=1), TWO[0], dead, nodes=nodes)
    assert str(refused.value).endswith(
        f"{ADVICE}2 of 2 be missing then, set update.max_unavailable to 2 or more; it is 1.\n"
        "shop.web.2 would fit with 128M more memory on n2, or with one more node like n1."
    )


def test_what_stops_first_never_misses_more_than_it_may() -> None:
    web = process("web", 4, image=NEW_IMAGE)
    old = [instance(number, "n1", WEB, 25700 + number) for number in (1, 2, 3, 4)]
    made = planned(shop(web, order="stop-first", parallelism="all", max_unavailable="50%"), *old)
    assert [(a.step, a.stop_first) for a in made.actions] == [(1, True), (1, True), (2, True), (2, True)]


def test_stop_first_brings_what_is_new_before_it_stops_anything() -> None:
    web = process("web", 3, image=NEW_IMAGE)
    made = planned(shop(web, order="stop-first"), *TWO)
    assert [(a.kind, a.step) for a in made.actions] == [("replace", 2), ("replace", 3), ("start", 1)]


def test_with_parallelism_all_everything_needs_room_at_once() -> None:
    web = process("web", 3, image=NEW_IMAGE)
    old = [instance(number, "n1", WEB, 25700 + number) for number in (1, 2, 3)]
    with pytest.raises(NoRoom) as refused:
        planned(shop(web, parallelism="all"), *old, nodes=(node("n1", 640),))
    assert str(refused.value).splitlines() == [
        "no room for shop.web.3:",
        "  n1: 0 memory free, needs 128M",
        f"{ADVICE}1 of 3 be missing then, set update.max_unavailable to 1 or more; without it, it is 0.",
        "With update.parallelism all, every new instance needs room beside every old one.",
    ]
    made = planned(shop(web, parallelism="all", max_unavailable=1), *old, nodes=(node("n1", 640),))
    assert [(a.step, a.stop_first) for a in made.actions] == [(1, False), (1, False), (1, True)]


def test_with_parallelism_all_what_goes_anyway_makes_room_before_the_only_step() -> None:
    web = process("web", 2, image=NEW_IMAGE)
    old = (*TWO, instance(1, "n1", process("api"), 25703))
    made = planned(shop(web, parallelism="all"), *old, nodes=(node("n1", 256), node("n2", 256)))
    assert [(str(a.slot), a.kind, a.step) for a in made.actions] == [
        ("shop.api.1", "stop", 1),
        ("shop.web.1", "replace", 1),
        ("shop.web.2", "replace", 1),
    ]


def test_what_goes_anyway_is_stopped_early_only_where_its_room_is_needed() -> None:
    configuration = shop(process("api", 1), hosts={"shop.example.com": "api"})
    tight = planned(configuration, TWO[0], nodes=(node("n1", 192),))
    assert says(
        tight,
        """
        plan for shop, release v4: 1 start, 1 stop
          n1
            + shop.api.1  process api is new
            - shop.web.1  process web is no longer in the app; stopped first, to make room
        """,
    )
    assert [action.step for action in tight.actions] == [1, 1]
    assert [action.step for action in planned(configuration, TWO[0]).actions] == [1, 2]


def test_stop_first_uses_the_room_of_the_predecessor() -> None:
    web = process("web", 2, image=NEW_IMAGE)
    old = (TWO[0], instance(2, "n1", WEB, 25702))
    made = planned(shop(web, order="stop-first"), *old, nodes=(node("n1", 256),))
    assert [(a.kind, a.step, a.stop_first, a.new and a.new.port) for a in made.actions] == [
        ("replace", 1, True, 25703),
        ("replace", 2, True, 25704),
    ]


def test_a_fall_back_to_stop_first_waits_for_the_step_whose_room_it_uses() -> None:
    web = process("web", 2, memory=192 * M)
    old = (TWO[0], instance(2, "n1", WEB, 25702))
    made = planned(shop(web, parallelism=2, max_unavailable=1), *old, nodes=(node("n1", 448),))
    assert [(a.kind, a.step, a.stop_first) for a in made.actions] == [
        ("replace", 1, False),
        ("replace", 2, True),
    ]


def test_what_does_not_run_is_started_elsewhere_at_once_where_its_home_is_full() -> None:
    web = process("web", 1)
    dead, full = replace(TWO[0], running=False), (node("n1", 128), node("n2"))
    made = planned(shop(web), dead, instance(1, "n1", process("api"), 25702), nodes=full)
    assert says(
        made,
        """
        plan for shop, release v4: 1 move, 1 stop
          n1
            - shop.api.1  process api is no longer in the app
            > shop.web.1  to n2: its container does not run; n1: 0 memory free, needs 128M
          n2
            > shop.web.1  from n1
        """,
    )


def test_early_stops_come_before_the_starts_that_need_their_room() -> None:
    web = process("web", 2, memory=256 * M)
    old = (TWO[0], instance(2, "n1", WEB, 25702), instance(1, "n1", process("api"), 25703))
    made = planned(shop(web, order="stop-first", parallelism=2), *old, nodes=(node("n1", 512),))
    assert [(str(a.slot), a.kind, a.step) for a in made.actions] == [
        ("shop.api.1", "stop", 2),
        ("shop.web.1", "replace", 1),
        ("shop.web.2", "replace", 2),
    ]


def test_what_does_not_run_holds_no_room_but_its_port() -> None:
    made = planned(shop(process("web", 1)), replace(TWO[0], running=False), nodes=(node("n1", 128),))
    assert [(a.kind, a.stop_first, a.new and a.new.port) for a in made.actions] == [("replace", False, 25702)]


def test_steps_hold_parallelism_replacements_and_the_first_also_all_that_only_starts() -> None:
    web = process("web", 5, image=NEW_IMAGE)
    old = [instance(number, "n1", WEB, 25700 + number) for number in (1, 2, 3)]
    made = planned(shop(web, process("api", 2), parallelism=2), *old)
    assert {str(action.slot): action.step for action in made.actions} == {
        "shop.api.1": 1,
        "shop.api.2": 1,
        "shop.web.1": 1,
        "shop.web.2": 1,
        "shop.web.3": 2,
        "shop.web.4": 1,
        "shop.web.5": 1,
    }


def test_parallelism_counts_each_process_for_itself_and_takes_shares() -> None:
    web, api = process("web", 4, image=NEW_IMAGE), process("api", 2, image=NEW_IMAGE)
    old = [
        *(instance(number, "n1", process("web"), 25700 + number) for number in (1, 2, 3, 4)),
        *(instance(number, "n2", process("api"), 25700 + number) for number in (1, 2)),
    ]
    made = planned(shop(web, api, parallelism="50%"), *old)
    assert {str(action.slot): action.step for action in made.actions} == {
        "shop.api.1": 1,
        "shop.api.2": 2,
        "shop.web.1": 1,
        "shop.web.2": 1,
        "shop.web.3": 2,
        "shop.web.4": 2,
    }


def test_what_fits_nowhere_is_refused_with_a_reason_for_every_node() -> None:
    web = process("web", 5, rules=Rules(constraints=("disk == ssd",), max_per_node=2))
    with pytest.raises(NoRoom) as refused:
        planned(shop(web, process("big", memory=8192 * M)))
    assert (
        str(refused.value)
        == dedent(
            """
        no room for shop.big.1:
          n1: 768M memory free, needs 8G
          n2: 1G memory free, needs 8G
        no room for shop.web.3, shop.web.4, shop.web.5:
          n1: already holds 2 of shop.web, max_per_node is 2
          n2: disk is hdd, wants disk == ssd
        shop.big.1 would fit with 7G more memory on n2.
        3 more of shop.web would fit with placement.max_per_node 5, or with 2 more nodes like n1.
        """
        ).strip()
    )
    assert refused.value.refusals["shop.web.5"]["n2"] == "disk is hdd, wants disk == ssd"


def test_a_fleet_without_nodes_has_no_room() -> None:
    with pytest.raises(NoRoom, match="there is no node"):
        plan(shop(WEB), Fleet(()), None, 1)


def test_other_apps_are_left_alone() -> None:
    other = replace(TWO[0], slot=Slot("billing", "web", 1))
    assert planned(shop(), other).actions == ()


def test_a_removal_stops_everything() -> None:
    dead = replace(TWO[1], running=False)
    made = removal_plan("shop", Fleet(NODES, (TWO[0], dead)))
    assert made.release is None
    assert says(
        made,
        """
        plan for shop, removal: 2 stop
          n1
            - shop.web.1  shop is removed
          n2
            - shop.web.2  shop is removed
        """,
    )


def test_a_plan_is_plain_data() -> None:
    data = planned(shop(process("web", 2, memory=256 * M)), *TWO).as_dict()
    assert json.loads(json.dumps(data)) == data
    assert (data["release"], data["changed"], data["actions"][0]["kind"]) == (4, True, "replace")
    assert data["text"].startswith("plan for shop, release v4: 2 replace")
