# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement: who may, who is best, who is chosen, and why a node is refused."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Process, Rules
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    STRATEGIES,
    Choice,
    Demand,
    Shape,
    choose,
    explain,
    place,
    refusal,
    rooms_of,
)
from tests.unit.worlds import M, instance, node, process


def demands(of: Process, *numbers: int, home: str | None = None) -> list[Demand]:
    return [Demand(Slot("shop", of.name, number), Shape.of("shop", of), home) for number in numbers]


def nodes_taken(of: Process, count: int, fleet: Fleet) -> list[str]:
    choices = place(demands(of, *range(1, count + 1)), rooms_of(fleet))
    return [choices[slot].node for slot in sorted(choices)]


def strategy(name: str, **spec: Any) -> Process:
    return process(rules=Rules(strategy=name), **spec)


WEB = process()
SSD = Rules(constraints=("disk == ssd",))


@pytest.mark.parametrize(
    ("refusing", "of", "reason"),
    [
        (
            node("n1", labels={"disk": "hdd"}),
            Rules(constraints=("disk == ssd",)),
            "disk is hdd, wants disk == ssd",
        ),
        (node("n1"), Rules(constraints=("disk == ssd",)), "has no label disk, wants disk == ssd"),
        (node("n1", labels={"zone": "b"}), Rules(constraints=("zone != b",)), "zone is b, wants zone != b"),
        (node("n1"), Rules(max_per_node=1), "already holds 1 of shop.web, max_per_node is 1"),
        (node("n1", 224), Rules(), "96M memory free, needs 128M"),
        (node("n1", 100), Rules(), "0 memory free, needs 128M"),
        (node("n1", cpus=0.45), Rules(), "0.2 cpu free, needs 0.25"),
        (node("n1", last_port=25701), Rules(), "no free port in 25701-25701"),
        (node("n1", 256, cpus=0.5, last_port=25702), Rules(max_per_node=2), None),
    ],
)
def test_a_node_that_holds_one_web_refuses_a_second_in_words(
    refusing: Node, of: Rules, reason: str | None
) -> None:
    room = rooms_of(Fleet((refusing,), (instance(1, "n1", WEB),)))["n1"]
    assert refusal(room, Shape.of("shop", process(rules=of))) == reason


def test_the_first_reason_is_that_of_the_hardest_rule() -> None:
    full = node("n1", 128, labels={"disk": "hdd"})
    room = rooms_of(Fleet((full,), (instance(1, "n1", WEB),)))["n1"]
    picky = process(rules=Rules(constraints=("disk == ssd",), max_per_node=1))
    assert refusal(room, Shape.of("shop", picky)) == "disk is hdd, wants disk == ssd"


def test_odd_bytes_are_said_in_whole_megabytes_rounded_down() -> None:
    room = rooms_of(Fleet((Node("n1", "198.18.0.11", memory=128 * M - 1),)))["n1"]
    assert refusal(room, Shape.of("shop", WEB)) == "127M memory free, needs 128M"


def test_every_refusing_node_is_explained_by_name() -> None:
    fleet = Fleet((node("n2", 64), node("n1", cpus=0.1), node("n3")))
    assert explain(Shape.of("shop", WEB), rooms_of(fleet)) == {
        "n1": "0.1 cpu free, needs 0.25",
        "n2": "64M memory free, needs 128M",
    }


def test_a_slot_that_stands_on_a_node_is_not_counted_once_more_there() -> None:
    room = rooms_of(Fleet((node("n1"),), (instance(1, "n1", WEB),)))["n1"]
    shape = Shape.of("shop", process(rules=Rules(max_per_node=1)))
    assert refusal(room, shape, 1) is None
    assert refusal(room, shape, 2) == "already holds 1 of shop.web, max_per_node is 1"


def test_cpu_is_counted_without_drift() -> None:
    assert len(nodes_taken(process(cpu=0.1), 11, Fleet((node("n1", 4096, cpus=1.0),)))) == 10
    assert len(nodes_taken(process(cpu=0.143), 8, Fleet((node("n1", 4096, cpus=1.001),)))) == 7


@pytest.mark.parametrize(
    ("of", "nodes", "taken"),
    [
        (strategy("spread"), (node("n1"), node("n2"), node("n3")), ["n1", "n2", "n3", "n1", "n2"]),
        (strategy("spread", cpu=0.01), (node("n1", 2048), node("n2", 4096)), ["n1", "n2", "n2", "n1", "n2"]),
        (strategy("binpack"), (node("n1", 512), node("n2", 256)), ["n1", "n1", "n1", "n1", "n2", "n2"]),
        (
            strategy("most-free-memory"),
            (node("n1", free_memory=300 * M), node("n2", free_memory=500 * M)),
            ["n2", "n2", "n1", "n2", "n1"],
        ),
        (
            strategy("least-cpu"),
            (node("n1", load=2.0, cpus=8.0), node("n2", load=1.5)),
            ["n1", "n1", "n1", "n1", "n1", "n2"],
        ),
        (process(rules=Rules(max_per_node=1)), (node("n1"), node("n2")), ["n1", "n2"]),
    ],
)
def test_a_strategy_takes_these_nodes_one_after_the_other(
    of: Process, nodes: tuple[Node, ...], taken: list[str]
) -> None:
    assert nodes_taken(of, len(taken), Fleet(nodes)) == taken


@pytest.mark.parametrize("name", STRATEGIES)
def test_equal_nodes_are_taken_by_name(name: str) -> None:
    assert nodes_taken(strategy(name), 1, Fleet((node("n3"), node("n1"), node("n2")))) == ["n1"]


def test_the_current_home_goes_before_the_better_node() -> None:
    fleet = Fleet((node("n1"), node("n2")), (instance(2, "n2", WEB), instance(3, "n2", WEB, 25702)))
    choices = place(demands(WEB, 1, home="n2"), rooms_of(fleet))
    assert choices == {Slot("shop", "web", 1): Choice(Slot("shop", "web", 1), "n2", 25703)}


def test_a_home_that_refuses_or_is_gone_is_left() -> None:
    fleet = Fleet((node("n1", 64), node("n2")))
    for home in ("n1", "n9"):
        assert [choice.node for choice in place(demands(WEB, 1, home=home), rooms_of(fleet)).values()] == [
            "n2"
        ]


def test_the_lowest_port_that_nobody_has_is_given() -> None:
    fleet = Fleet(
        (node("n1", busy_ports=frozenset({25701})),),
        (instance(1, "n1", WEB, 25702, running=False), instance(2, "n1", WEB, 25704)),
    )
    choices = choose(demands(WEB, 3, 4), rooms_of(fleet))
    assert [choice.port for choice in choices.values()] == [25703, 25705]
    worker = process("worker", port=None)
    assert [choice.port for choice in choose(demands(worker, 1), rooms_of(fleet)).values()] == [None]


def test_what_is_hardest_to_place_is_placed_first() -> None:
    picky = process("web", rules=SSD)
    easy = process("api")
    fleet = Fleet((node("n1", 128, labels={"disk": "ssd"}), node("n2", 128)))
    choices = choose([*demands(easy, 1), *demands(picky, 1)], rooms_of(fleet))
    assert {str(slot): choice.node for slot, choice in choices.items()} == {
        "shop.web.1": "n1",
        "shop.api.1": "n2",
    }


def test_other_apps_take_room_and_ports_but_no_count() -> None:
    other = replace(instance(1, "n1", WEB), slot=Slot("billing", "web", 1))
    room = rooms_of(Fleet((node("n1", 256),), (other,)))["n1"]
    assert (room.memory, room.port()) == (128 * M, 25702)
    assert room.holds(Shape.of("shop", WEB)) == set()


def test_thousands_of_nodes_are_filled_evenly_whatever_their_order() -> None:
    nodes = [node(f"n{number}", 4096) for number in range(2000)]
    fleet = Fleet(tuple(nodes))
    taken = nodes_taken(WEB, 5000, fleet)
    assert set(Counter(taken).values()) == {2, 3}
    random.Random(7).shuffle(nodes)  # noqa: S311
    assert nodes_taken(WEB, 5000, Fleet(tuple(nodes))) == taken
