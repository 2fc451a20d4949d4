# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of placement over labels and over all apps: who is refused in which words, and who goes where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Configuration,
    Preference,
    Process,
    Rules,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import (
    Allotment,
    Fleet,
    Instance,
    Node,
    Slot,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    Demand,
    Shape,
    choose,
    displacement,
    explain,
    refusal,
    rooms_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.exact import decide
from ansible_collections.fairlead.paas.plugins.module_utils.placement.search import search
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import Plan, explanations, plan
from tests.unit.worlds import M, instance, node, process, shop

WEB = process()


def zoned(name: str, zone: str, memory: int = 1024, **fields: Any) -> Node:
    return node(name, memory, labels={"zone": zone}, **fields)


def of_billing(on: str, name: str = "web") -> Instance:
    return replace(
        instance(1, on, WEB, 25790), slot=Slot("billing", name, 1), container=f"billing-{on}-{name}"
    )


def refused(room_of: Node, rules: Rules, *standing: Instance, others: dict[Any, Rules] | None = None) -> Any:
    board = rooms_of(Fleet((room_of, zoned("n9", "b")), standing, (), others or {}))
    return refusal(board[room_of.name], Shape.of("shop", process(rules=rules)))


@pytest.mark.parametrize(
    ("on", "rules", "reason"),
    [
        (node("n1", state="cordoned"), Rules(), "is cordoned, takes nothing new"),
        (node("n1", state="draining"), Rules(), "is draining"),
        (node("n1", state="lost"), Rules(), "is lost"),
        (node("n1", reserved_for=("billing", "mail")), Rules(), "is reserved for billing, mail"),
        (node("n1", reserved_for=("billing", "shop")), Rules(), None),
        (
            node("n1", arch="arm64"),
            Rules(constraints=("arch == amd64",)),
            "arch is arm64, wants arch == amd64",
        ),
        (node("n1"), Rules(constraints=("node != n1",)), "node is n1, wants node != n1"),
        (
            zoned("n1", "a"),
            Rules(max_per={"zone": 1}),
            "zone a already holds 1 of shop.web, max_per zone is 1",
        ),
        (node("n1"), Rules(max_per={"zone": 1}), "has no label zone, wants max_per zone"),
        (
            zoned("n1", "a"),
            Rules(spread="zone", max_skew=1),
            "zone a holds 1 of shop.web and zone b 0, max_skew is 1",
        ),
        (node("n1"), Rules(spread="zone", max_skew=1), "has no label zone, wants max_skew over zone"),
        (node("n1"), Rules(spread="zone"), None),
        (node("n1"), Rules(together=("cache",)), "holds no cache, wants with cache"),
        (
            node("n1", 256, allotment=Allotment(system_memory=64 * M)),
            Rules(),
            "64M memory free, needs 128M",
        ),
        (node("n1", 192, allotment=Allotment(memory_factor=1.5)), Rules(), None),
    ],
)
def test_a_node_that_holds_one_web_refuses_a_second_in_words(
    on: Node, rules: Rules, reason: str | None
) -> None:
    assert refused(on, rules, instance(1, "n1", WEB)) == reason


@pytest.mark.parametrize(
    ("rules", "others", "reason"),
    [
        (Rules(apart=("billing",)), Rules(), "holds billing.web, apart from billing"),
        (Rules(apart=("billing/web",)), Rules(), "holds billing.web, apart from billing/web"),
        (Rules(apart=("billing/worker",)), Rules(), None),
        (Rules(apart=("billing/worker",), apart_per="zone"), Rules(), None),
        (
            Rules(apart=("*",), apart_per="zone"),
            Rules(),
            "zone a holds billing.web, apart from *",
        ),
        (Rules(apart=("*",)), Rules(), "holds billing.web, apart from *"),
        (
            Rules(apart=("billing",), apart_per="zone"),
            Rules(),
            "zone a holds billing.web, apart from billing",
        ),
        (Rules(), Rules(apart=("shop",)), "holds billing.web, which is apart from shop"),
        (Rules(), Rules(apart=("shop/web",)), "holds billing.web, which is apart from shop/web"),
        (Rules(), Rules(apart=("shop/worker",)), None),
        (Rules(), Rules(apart=("*",)), "holds billing.web, which is apart from *"),
        (
            Rules(),
            Rules(apart=("shop",), apart_per="zone"),
            "zone a holds billing.web, which is apart from shop",
        ),
        (Rules(together=("billing",)), Rules(), None),
        (Rules(together=("billing/cache",)), Rules(), "holds no billing/cache, wants with billing/cache"),
    ],
)
def test_rules_over_apps_bind_in_both_directions(rules: Rules, others: Rules, reason: str | None) -> None:
    said = refused(zoned("n1", "a"), rules, of_billing("n1"), others={("billing", "web"): others})
    assert said == reason


def test_apart_per_value_reaches_the_other_nodes_of_the_value() -> None:
    rules = Rules(apart=("billing",), apart_per="zone")
    board = rooms_of(Fleet((zoned("n1", "a"), zoned("n2", "a"), zoned("n3", "b")), (of_billing("n1"),)))
    assert explain(Shape.of("shop", process(rules=rules)), board) == {
        "n1": "zone a holds billing.web, apart from billing",
        "n2": "zone a holds billing.web, apart from billing",
    }


def test_what_stands_too_often_in_a_value_is_said_with_the_count() -> None:
    rules = Rules(max_per={"zone": 1})
    web = process(rules=rules)
    standing = (instance(1, "n1", web), instance(2, "n2", web))
    board = rooms_of(Fleet((zoned("n1", "a"), zoned("n2", "a")), standing))
    assert displacement(board["n1"], Shape.of("shop", web)) == "zone a holds 2 of shop.web, max_per zone is 1"


def taken(of: Process, count: int, *nodes: Node, standing: tuple[Instance, ...] = ()) -> list[str]:
    shape = Shape.of("shop", of)
    demands = [Demand(Slot("shop", of.name, 10 + number), shape) for number in range(count)]
    choices = choose(demands, rooms_of(Fleet(nodes, standing)))
    return [choices[slot].node for slot in sorted(choices)]


@pytest.mark.parametrize(
    ("rules", "nodes", "expected"),
    [
        (
            Rules(spread="zone"),
            (zoned("n1", "a"), zoned("n2", "a"), zoned("n3", "b")),
            ["n1", "n3", "n2", "n3", "n1"],
        ),
        (Rules(spread="zone"), (node("n1"), zoned("n2", "b", 256)), ["n2", "n2", "n1"]),
        (
            Rules(preferences=(Preference("zone == b"),)),
            (zoned("n1", "a"), zoned("n2", "b", 256)),
            ["n2", "n2", "n1"],
        ),
        (
            Rules(
                preferences=(
                    Preference("zone == a", 60),
                    Preference("node != n1", 50),
                    Preference("node != n2"),
                )
            ),
            (zoned("n1", "a", 128), zoned("n2", "b", 128), zoned("n3", "b", 128)),
            ["n1", "n3", "n2"],
        ),
        (Rules(spread="zone", max_skew=1), (zoned("n1", "a", 128), zoned("n2", "b")), ["n1", "n2", "n2"]),
        (
            Rules(max_per={"zone": 2}),
            (zoned("n1", "a"), zoned("n2", "a"), zoned("n3", "b")),
            ["n1", "n2", "n3", "n3"],
        ),
    ],
)
def test_nodes_are_taken_by_rules_one_after_the_other(
    rules: Rules, nodes: tuple[Node, ...], expected: list[str]
) -> None:
    assert taken(process(rules=rules), 6, *nodes)[: len(expected)] == expected
    if rules.max_per or rules.max_skew:
        assert len(taken(process(rules=rules), 6, *nodes)) == len(expected)


def test_what_is_apart_of_all_gets_a_node_of_its_own() -> None:
    alone = process(rules=Rules(apart=("*",)))
    assert taken(alone, 3, node("n1"), node("n2"), node("n3"), standing=(of_billing("n2"),)) == [
        "n1",
        "n3",
        "n1",
    ]


# Whole plans


def planned(
    configuration: Configuration, *observed: Instance, nodes: tuple[Node, ...], **rules: Rules
) -> Plan:
    others = {("billing", name): each for name, each in rules.items()}
    return plan(configuration, Fleet(nodes, observed, (), others), (3, "older"), 4)


def did(made: Plan) -> list[tuple[str, str, str, str]]:
    return [(str(it.slot)[5:], it.kind, it.node, it.reason) for it in made.actions]


def test_a_drained_node_ends_empty_and_a_cordoned_one_keeps_what_needs_no_change() -> None:
    standing = (instance(1, "n1", WEB), instance(2, "n2", WEB))
    nodes = (node("n1", state="draining"), node("n2", state="cordoned"), node("n3"))
    assert did(planned(shop(process("web", 2)), *standing, nodes=nodes)) == [
        ("web.1", "move", "n3", "is draining"),
        ("web.2", "keep", "n2", "unchanged since v3"),
    ]
    changed = shop(process("web", 2, memory=256 * M))
    assert did(planned(changed, *standing, nodes=nodes)) == [
        ("web.1", "move", "n3", "is draining"),
        ("web.2", "move", "n3", "memory 128M → 256M; n2 is cordoned, takes nothing new"),
    ]


def test_a_lost_node_moves_exactly_its_instances() -> None:
    web = process("web", 3)
    standing = (instance(1, "n1", web), instance(2, "n2", web), instance(3, "n3", web))
    nodes = (node("n1"), node("n2", state="lost"), node("n3"))
    assert did(planned(shop(web), *standing, nodes=nodes)) == [
        ("web.1", "keep", "n1", "unchanged since v3"),
        ("web.2", "start", "n1", "n2 is lost"),
        ("web.3", "keep", "n3", "unchanged since v3"),
    ]


def test_a_rule_of_a_running_app_makes_what_it_forbids_leave() -> None:
    made = planned(
        shop(WEB),
        instance(1, "n1", WEB),
        of_billing("n1"),
        nodes=(node("n1"), node("n2")),
        web=Rules(apart=("*",)),
    )
    assert did(made) == [("web.1", "move", "n2", "holds billing.web, which is apart from *")]


def test_of_two_processes_that_are_apart_the_one_that_changes_leaves() -> None:
    web = process("web", rules=Rules(apart=("shop/worker",)))
    worker = process("worker", port=None, memory=256 * M)
    standing = (instance(1, "n1", web), instance(1, "n1", process("worker", port=None), None))
    assert did(planned(shop(web, worker), *standing, nodes=(node("n1"), node("n2")))) == [
        ("web.1", "move", "n2", "holds shop.worker, apart from shop/worker"),
        ("worker.1", "replace", "n1", "memory 128M → 256M"),
    ]


CACHE = process("cache", port=None)
NEAR = process("web", 2, rules=Rules(together=("shop/cache",)))


def test_anchors_are_placed_where_those_who_come_along_fit_too() -> None:
    made = planned(shop(CACHE, NEAR), nodes=(node("n1", 256), node("n2", 384)))
    assert [(slot, on) for slot, _, on, _ in did(made)] == [
        ("cache.1", "n2"),
        ("web.1", "n2"),
        ("web.2", "n2"),
    ]


def test_dependants_go_along_when_their_anchor_must_leave() -> None:
    standing = (instance(1, "n1", CACHE, None), instance(1, "n1", NEAR), instance(2, "n1", NEAR, 25702))
    nodes = (node("n1", state="draining"), node("n2"))
    assert did(planned(shop(CACHE, NEAR), *standing, nodes=nodes)) == [
        ("cache.1", "move", "n2", "is draining"),
        ("web.1", "move", "n2", "is draining"),
        ("web.2", "move", "n2", "is draining"),
    ]


def test_dependants_go_along_when_their_anchor_has_no_room_to_stay() -> None:
    larger = process("cache", port=None, memory=768 * M)
    standing = (instance(1, "n1", CACHE, None), instance(1, "n1", NEAR), instance(2, "n1", NEAR, 25702))
    made = planned(shop(larger, NEAR), *standing, nodes=(node("n1", 512), node("n2", 2048)))
    assert [(slot, kind, on) for slot, kind, on, _ in did(made)] == [
        ("cache.1", "move", "n2"),
        ("web.1", "move", "n2"),
        ("web.2", "move", "n2"),
    ]
    assert did(made)[1][3] == "shop/cache leaves n1"


def test_a_global_process_stands_on_every_node_that_may_hold_it() -> None:
    agent = process("agent", port=None, rules=Rules(mode=GLOBAL, constraints=("node != n4",)))
    standing = (instance(7, "n2", agent, None), instance(2, "n5", agent, None))
    nodes = (node("n1"), node("n2"), node("n3", state="cordoned"), node("n4"), node("n5", state="draining"))
    made = planned(shop(agent), *standing, nodes=(*nodes, node("n6", reserved_for=("mail",)), node("n7")))
    assert did(made) == [
        ("agent.1", "start", "n1", "n1 has none"),
        ("agent.2", "stop", "n5", "is draining"),
        ("agent.2", "start", "n7", "n7 has none"),
        ("agent.7", "keep", "n2", "unchanged since v3"),
    ]


def test_a_global_process_that_does_not_fit_names_its_node_alone() -> None:
    agent = process("agent", port=None, rules=Rules(mode=GLOBAL))
    with pytest.raises(NoRoom) as found:
        planned(shop(agent), nodes=(node("n1"), node("n2", 64)))
    assert str(found.value).splitlines() == [
        "no room for shop.agent.2:",
        "  n2: 64M memory free, needs 128M",
        "shop.agent.2 would fit with 64M more memory on n2.",
    ]


def test_an_update_of_a_global_process_counts_its_nodes() -> None:
    old = process("agent", port=None, rules=Rules(mode=GLOBAL))
    new = process("agent", port=None, memory=256 * M, rules=Rules(mode=GLOBAL))
    standing = tuple(instance(number, f"n{number}", old, None) for number in (1, 2, 3, 4))
    nodes = tuple(node(f"n{number}") for number in (1, 2, 3, 4))
    made = planned(shop(new, parallelism="50%"), *standing, nodes=nodes)
    assert [(it.kind, it.step) for it in made.actions] == [("replace", step) for step in (1, 1, 2, 2)]


@pytest.mark.parametrize(
    ("nodes", "numbers", "gone"),
    [
        (("n1", "n2", "n2"), (1, 2, 3), ("web.3", "zone b holds the most of it, 2")),
        (("n2", "n2", "n1"), (1, 2, 3), ("web.2", "zone b holds the most of it, 2")),
        (("n1", "n3", "n2"), (1, 2, 3), ("web.3", "zone b holds the most of it, 2")),
        (("n4", "n1", "n5"), (4, 6, 9), ("web.4", "n4 has no label zone")),
        (("n1", "n6", "n3"), (1, 2, 3), ("web.2", "is draining")),
    ],
)
def test_scaling_down_by_one_stops_the_worst_placed_whatever_its_number(
    nodes: tuple[str, ...], numbers: tuple[int, ...], gone: tuple[str, str]
) -> None:
    web = process("web", 2, rules=Rules(spread="zone"))
    standing = [instance(number, on, web, 25700 + number) for number, on in zip(numbers, nodes, strict=True)]
    fleet = (zoned("n1", "a"), zoned("n2", "b"), zoned("n3", "b"), node("n4"), zoned("n5", "c"))
    made = planned(shop(web), *standing, nodes=(*fleet, zoned("n6", "d", state="draining")))
    assert [(str(it.slot)[5:], it.reason) for it in made.actions if it.kind == "stop"] == [
        (gone[0], f"scale 3 → 2, {gone[1]}")
    ]
    assert made.count("keep") == 2


def test_scaling_up_by_one_adds_one_in_the_lowest_number_that_is_free() -> None:
    web = process("web", 3)
    standing = (instance(2, "n1", web), instance(5, "n2", web))
    assert did(planned(shop(web), *standing, nodes=(node("n1"), node("n2"), node("n3")))) == [
        ("web.1", "start", "n3", "scale 2 → 3"),
        ("web.2", "keep", "n1", "unchanged since v3"),
        ("web.5", "keep", "n2", "unchanged since v3"),
    ]


# What would make it fit


@pytest.mark.parametrize(
    ("web", "nodes", "advice"),
    [
        (  # of three, two fit
            process("web", 3, memory=640 * M, rules=Rules(constraints=("disk == ssd",))),
            (node("n1", labels={"disk": "ssd"}), node("n2", labels={"disk": "ssd"}), node("n3")),
            (
                "shop.web.3 would fit with 256M more memory on n1 or n2 (disk == ssd),"
                " or with one more node like n1."
            ),
        ),
        (
            process("web", 2, cpu=3.0),
            (node("n1"),),
            "shop.web.2 would fit with 2 more cpu on n1, or with one more node like n1.",
        ),
        (
            process("web", 3, rules=Rules(max_per={"zone": 1})),
            (zoned("n1", "a"), zoned("n2", "b")),
            (
                "shop.web.3 would fit with placement.max_per zone: 2,"
                " or with one more zone that has a node like n1."
            ),
        ),
        (
            process("web", 3, rules=Rules(max_per_node=1)),
            (node("n1"), node("n2")),
            "shop.web.3 would fit with placement.max_per_node 2, or with one more node like n1.",
        ),
        (
            process("web", 1, rules=Rules(apart=("billing",))),
            (node("n3"),),
            "shop.web.1 would fit without placement.apart billing, or with one more node like n3.",
        ),
        (
            process("web", 1),
            (node("n3", state="cordoned"), node("n4", 64)),
            "shop.web.1 would fit if n3 were not cordoned, or with 64M more memory on n4.",
        ),
        (
            process("web", 1, rules=Rules(constraints=("dsik == ssd",))),
            (node("n1", labels={"disk": "ssd"}),),
            (
                "shop.web wants dsik == ssd, but no node has the label dsik;"
                ' expected one of disk, node (did you mean "disk"?)'
            ),
        ),
    ],
)
def test_does_not_fit_says_the_smallest_changes_with_which_it_would(
    web: Process, nodes: tuple[Node, ...], advice: str
) -> None:
    standing = (of_billing("n3"),) if web.rules.apart else ()
    with pytest.raises(NoRoom) as found:
        planned(shop(web), *standing, nodes=nodes)
    assert advice in str(found.value).splitlines()


TIGHT = (node("n1", 640), node("n2", 640))


def in_units(*sizes: tuple[str, int, int]) -> list[Process]:
    """Return processes by name, scale and size, in units of which a node has ten."""
    return [process(name, scale, memory=size * 64 * M, cpu=0.01) for name, scale, size in sizes]


@pytest.mark.parametrize(
    "sizes",
    [
        # The emptiest node first gives 5 4 | 5 3, and no room for the last 3.
        (("five", 2, 5), ("four", 1, 4), ("three", 2, 3)),
        (("seven", 1, 7), ("five", 1, 5), ("four", 1, 4), ("three", 1, 3), ("one", 1, 1)),
        (("six", 1, 6), ("four", 2, 4), ("two", 3, 2)),
    ],
)
def test_what_the_first_pass_leaves_is_placed_when_others_can_make_way(
    sizes: tuple[tuple[str, int, int], ...],
) -> None:
    made = planned(shop(*in_units(*sizes)), nodes=TIGHT)
    assert made.count("start") == sum(scale for _, scale, _ in sizes)


def test_few_slots_on_few_nodes_are_tried_to_the_end() -> None:
    shapes = [
        (Shape.of("shop", it), [*range(1, it.scale + 1)]) for it in in_units(("five", 2, 5), ("ten", 1, 10))
    ]
    board = rooms_of(Fleet(TIGHT))
    found = search(shapes, board)
    assert found
    assert {room.name for room in found["shop", "five"].values()} == {"n1"}
    assert search([(shapes[1][0], [2])], board) is None
    assert (board["n1"].memory, board["n2"].memory) == (0, 0)


def test_the_solver_where_it_is_installed_decides_as_the_search_does() -> None:
    cache = process(
        "cache", 2, port=None, cpu=0.01, rules=Rules(max_per={"zone": 1}, spread="zone", max_skew=1)
    )
    near = process("web", 4, cpu=0.01, rules=Rules(together=("shop/cache",), max_per_node=2))
    apart = process("api", 2, cpu=0.01, rules=Rules(apart=("shop/web",)))
    shapes = [(Shape.of("shop", it), [*range(1, it.scale + 1)]) for it in (cache, near, apart)]
    board = rooms_of(Fleet((zoned("n1", "a", 384), zoned("n2", "a", 384), zoned("n3", "b", 384))))
    found = decide(shapes, board)
    assert found
    on = {key[1]: sorted(room.name for room in rooms.values()) for key, rooms in found.items()}
    assert on["cache"][1] == "n3"
    assert on["web"] == sorted(on["cache"] * 2)
    assert set(on["api"]) == {"n1", "n2", "n3"} - set(on["cache"])
    assert decide([(shapes[0][0], [3])], board) is None


def test_every_slot_can_be_explained_node_by_node() -> None:
    web = process("web", 2, rules=Rules(spread="zone", preferences=(Preference("disk == ssd"),)))
    fleet = Fleet(
        (node("n1", labels={"zone": "a", "disk": "ssd"}), zoned("n2", "b"), node("n3", state="cordoned")),
        (instance(1, "n1", web),),
    )
    kept, new = explanations(shop(web), fleet, None)
    assert str(kept).startswith("shop.web.1 on n1: it stands there, and nothing moves that need not\n")
    assert str(new).splitlines() == [
        "shop.web.2 on n2: the best score",
        "  > n2  shop.web in zone b 0, preferences met 0, shop.web here 0, reserved 0",
        "    n1  shop.web in zone a 1, preferences met 50, shop.web here 1, reserved 0.125",
        "    n3  is cordoned, takes nothing new",
    ]
    assert explanations(shop(web), fleet, None, wanted={Slot("shop", "web", 2)}) == (new,)
    assert new.as_dict()["nodes"][2] == {
        "node": "n3",
        "terms": {},
        "refusal": "is cordoned, takes nothing new",
    }
