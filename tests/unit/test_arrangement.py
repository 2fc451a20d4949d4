# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole fleets and all apps at once: what holds for every arrangement, and for every rebalance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Configuration,
    Process,
    Rules,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import (
    DRAINING,
    LOST,
    Fleet,
    Instance,
    Node,
    Slot,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement import STRATEGIES, Board, Shape
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import millicores
from ansible_collections.fairlead.paas.plugins.module_utils.plan.arrangement import Arrangement, plan_fleet
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import plan
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rebalance import rebalance
from tests.unit.rules import Stands, broken, rules_of, skewed
from tests.unit.worlds import (
    UNHURRIED,
    M,
    World,
    configurations,
    fleet_nodes,
    instance,
    node,
    process,
    shop,
)

_SOME_PORT = 25700  # one of the node's own, whichever


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[Configuration], Fleet]:
    """Draw three apps with rules about each other, and a fleet on which nothing runs."""
    drawn = [draw(configurations(["web", "worker"])) for _ in range(3)]
    apps = [replace(each, app=app) for each, app in zip(drawn, ("billing", "mail", "shop"), strict=True)]
    return apps, Fleet(fleet_nodes(draw))


def deployed(arranged: Arrangement, fleet: Fleet) -> Fleet:
    """Return the fleet as it is when the arrangement has been carried out."""
    kept = {one.container for one in arranged.kept}
    stay = [one for one in fleet.instances if one.container in kept]
    others = [one for one in fleet.instances if one.slot.app not in {key[0] for key in arranged.shapes}]
    new = []
    for placement in arranged.placed:
        key = (placement.slot.app, placement.slot.process)
        spec = arranged.outcomes[key].fresh.process.spec
        name = f"{placement.slot}-new"
        room = arranged.board[placement.node]
        port = room.open_port() if spec.port else None
        new.append(
            Instance(
                placement.slot,
                placement.node,
                name,
                name,
                4,
                spec.image,
                spec.hash(),
                spec.memory,
                spec.cpu,
                port,
            )
        )
    return Fleet(fleet.nodes, (*stay, *others, *new), (), fleet.rules)


def stands(fleet: Fleet, before: Fleet) -> list[Stands]:
    known = {one.container for one in before.instances}
    return [Stands(one.slot, one.node, one.container not in known) for one in fleet.instances]


def places(fleet: Fleet) -> set[tuple[Slot, str]]:
    return {(one.slot, one.node) for one in fleet.instances}


def overfull(all_stand: Iterable[Instance], nodes: Iterable[Node]) -> list[str]:
    """Return the nodes that hold more than they have, added up anew."""
    standing = list(all_stand)
    found = []
    for each in nodes:
        here = [one for one in standing if one.node == each.name]
        wanted = range(each.first_port, each.last_port + 1)
        ports = sum(one.port in wanted or one.port == _SOME_PORT for one in here)
        free = sum(port not in each.busy_ports for port in wanted)
        if (
            sum(one.memory for one in here) > each.memory_for_instances
            or sum(millicores(one.cpu) for one in here) > millicores(each.cpus_for_instances)
            or ports > free
        ):
            found.append(each.name)
    return found


@UNHURRIED
@given(fleets())
def test_every_hard_rule_of_every_app_holds(case: tuple[list[Configuration], Fleet]) -> None:
    apps, fleet = case
    full = deployed(plan_fleet(apps, fleet), fleet)
    rules, standing = rules_of(apps, fleet), stands(full, fleet)
    for each in apps:
        assert broken(standing, rules, fleet, each.app) == []
        assert skewed(standing, rules, fleet, each.app) == []
    assert overfull(full.instances, fleet.nodes) == []


@UNHURRIED
@given(fleets())
def test_what_is_carried_out_is_kept_the_next_time(case: tuple[list[Configuration], Fleet]) -> None:
    apps, fleet = case
    first = plan_fleet(apps, fleet)
    full = deployed(first, fleet)
    again = plan_fleet(apps, full)
    # What fits nowhere may find room when others have moved away.
    assert {it.slot for it in again.placed} <= {need.slot for need in first.unplaced}
    assert again.stopped == ()
    assert {one.container for one in again.kept} == {one.container for one in full.instances}


@UNHURRIED
@given(fleets(), st.randoms(use_true_random=False))
def test_the_order_of_apps_nodes_and_instances_does_not_matter(
    case: tuple[list[Configuration], Fleet], random: Random
) -> None:
    apps, fleet = case
    first = plan_fleet(apps, fleet)
    mixed = random.sample(
        [replace(it, processes=tuple(random.sample(it.processes, len(it.processes)))) for it in apps],
        len(apps),
    )
    second = plan_fleet(mixed, Fleet(tuple(random.sample(fleet.nodes, len(fleet.nodes)))))
    assert (second.placed, second.refusals()) == (first.placed, first.refusals())
    full = deployed(first, fleet)
    lost = replace(full, nodes=full.nodes[1:])
    turned = replace(lost, instances=tuple(random.sample(full.instances, len(full.instances))))
    assert plan_fleet(mixed, turned).placed == plan_fleet(apps, lost).placed


@UNHURRIED
@given(fleets(), st.sampled_from([DRAINING, LOST]))
def test_a_node_that_is_drained_or_lost_ends_empty(
    case: tuple[list[Configuration], Fleet], state: str
) -> None:
    apps, fleet = case
    full = deployed(plan_fleet(apps, fleet), fleet)
    nodes = (replace(full.nodes[0], state=state), *full.nodes[1:])
    after = plan_fleet(apps, replace(full, nodes=nodes))
    assert nodes[0].name not in {one.node for one in after.kept}
    assert nodes[0].name not in {it.node for it in after.placed}


@UNHURRIED
@given(fleets())
def test_a_lost_node_moves_exactly_its_instances(case: tuple[list[Configuration], Fleet]) -> None:
    apps, fleet = case
    apps = [without_company(each) for each in apps]
    full = deployed(plan_fleet(apps, fleet), fleet)
    nodes = (replace(full.nodes[0], state=LOST), *full.nodes[1:])
    after = plan_fleet(apps, replace(full, nodes=nodes))
    everywhere = {(it.app, p.name) for it in apps for p in it.processes if p.rules.mode == GLOBAL}
    gone = {one.slot for one in full.instances if one.node == nodes[0].name}
    moved = {slot for slot in gone if (slot.app, slot.process) not in everywhere}
    assert len(after.kept) == len(full.instances) - len(gone)
    assert moved <= {it.slot for it in after.placed} | {it.slot for it in after.unplaced}


def without_company(configuration: Configuration) -> Configuration:
    """Return an app whose processes are with nobody: those would go along."""
    processes = (replace(it, rules=replace(it.rules, together=())) for it in configuration.processes)
    return replace(configuration, processes=tuple(processes))


@UNHURRIED
@given(st.integers(1, 20), st.integers(1, 4), st.integers(1, 3))
def test_spread_is_even_to_one_where_it_can_be(scale: int, per_zone: int, zones: int) -> None:
    nodes = tuple(
        node(f"n{zone}{number}", 4096, labels={"zone": f"z{zone}"}, cpus=32.0)
        for zone in range(zones)
        for number in range(per_zone)
    )
    web = process("web", scale, rules=Rules(spread="zone"))
    placed = plan_fleet([shop(web)], Fleet(nodes)).placed
    on = Counter({each.name: 0 for each in nodes}) + Counter()
    for each in nodes:
        on[each.name] = sum(it.node == each.name for it in placed)
    per = Counter({f"z{zone}": 0 for zone in range(zones)})
    for name, held in on.items():
        per[f"z{name[1]}"] += held
    assert len(placed) == scale
    assert max(on[it.name] for it in nodes) - min(on[it.name] for it in nodes) <= 1
    assert max(per[f"z{zone}"] for zone in range(zones)) - min(per[f"z{z}"] for z in range(zones)) <= 1


@st.composite
def tiny(draw: st.DrawFn) -> World:
    """Draw a case so small that every placement of it can be tried."""
    nodes = fleet_nodes(draw)[:3]
    drawn = draw(configurations(draw(st.sampled_from([["web"], ["api", "web"], ["web", "worker"]]))))
    few = tuple(replace(it, scale=min(it.scale, 3)) for it in drawn.processes)
    standing = [
        replace(
            instance(number, draw(st.sampled_from(nodes)).name, process(name), 25740 + number),
            slot=Slot("billing", name, number),
            container=f"billing-{number}",
        )
        for number, name in enumerate(draw(st.lists(st.sampled_from(["web", "worker"]), max_size=2)), 1)
    ]
    asks = [
        Rules(),
        Rules(apart=("shop",)),
        Rules(apart=("shop/web",)),
        Rules(apart=("*",), apart_per="zone"),
    ]
    rules = {("billing", name): draw(st.sampled_from(asks)) for name in ("web", "worker")}
    update = replace(drawn.update, canary=None)
    return World(replace(drawn, processes=few, update=update), Fleet(nodes, tuple(standing), (), rules))


@UNHURRIED
@given(tiny())
def test_where_it_is_said_that_something_does_not_fit_no_placement_at_all_exists(world: World) -> None:
    try:
        plan(world.configuration, world.fleet, None, 4)
    except NoRoom:
        assert not any(all_right(world, each) for each in every_placement(world))


def every_placement(world: World) -> Iterator[list[Instance]]:
    """Yield every way to give all slots nodes."""
    names = [each.name for each in world.fleet.nodes]
    slots: list[tuple[Process, int, list[str]]] = []
    for each in world.configuration.processes:
        if each.rules.mode == GLOBAL:
            alone = {("shop", each.name): Rules(constraints=each.rules.constraints)}
            one = Slot("shop", each.name, 1)
            may = [it for it in names if not broken([Stands(one, it, new=True)], alone, world.fleet, "shop")]
            slots += [(each, number, [name]) for number, name in enumerate(may, 1)]
        else:
            slots += [(each, number, names) for number in range(1, each.scale + 1)]
    for chosen in product(*(names for _, _, names in slots)):
        yield [
            instance(number, on, each, _SOME_PORT if each.spec.port else None)
            for (each, number, _), on in zip(slots, chosen, strict=True)
        ]


def all_right(world: World, placed: list[Instance]) -> bool:
    everything = [*world.fleet.instances, *placed]
    rules = rules_of([world.configuration], world.fleet)
    known = {one.container for one in world.fleet.instances}
    standing = [Stands(one.slot, one.node, one.container not in known) for one in everything]
    before, nodes = overfull(world.fleet.instances, world.fleet.nodes), world.fleet.nodes
    used = {one.node for one in placed}
    return (
        not broken(standing, rules, world.fleet, "shop")
        and not skewed(standing, rules, world.fleet, "shop")
        and not set(overfull(everything, nodes)) & used
        and not set(before) & used
    )


# Rebalance


@UNHURRIED
@given(fleets(), st.integers(0, 6))
def test_a_rebalance_breaks_no_rule_and_is_worth_its_moves(
    case: tuple[list[Configuration], Fleet], most: int
) -> None:
    apps, fleet = case
    full = deployed(plan_fleet(apps, fleet), fleet)
    moves = rebalance(apps, full, most)
    assert len(moves) <= most
    assert all(move.gain > 0 and move.old != move.new for move in moves)
    to = {move.slot: move.new for move in moves}
    after = [replace(one, node=to.get(one.slot, one.node)) for one in full.instances]
    rules = rules_of(apps, fleet)
    standing = [Stands(one.slot, one.node, one.slot in to) for one in after]
    for each in apps:
        assert broken(standing, rules, full, each.app) == []
    assert overfull(after, full.nodes) == []
    again = plan_fleet(apps, replace(full, instances=tuple(after)))
    assert (len(again.kept), again.stopped) == (len(after), ())


def hundred() -> tuple[list[Configuration], list[Node]]:
    apps = [Configuration(f"app{at:03}", (process("web", 5),)) for at in range(200)]
    return apps, [node(f"n{at:03}", 4096, cpus=16.0) for at in range(100)]


def test_a_node_added_to_a_balanced_fleet_gets_nothing_by_deploys_and_its_part_by_a_rebalance() -> None:
    apps, nodes = hundred()
    bare = Fleet.of(nodes, ())
    full = deployed(plan_fleet(apps, bare), bare)
    assert rebalance(apps, full, 100) == ()
    more = Fleet.of([*nodes, node("new", 4096, cpus=16.0)], full.instances)
    assert not plan_fleet(apps, more).changed
    moves = rebalance(apps, more, 100)
    assert 0 < len(moves) <= 10
    assert {move.new for move in moves} == {"new"}


def test_an_uneven_spread_is_evened_out_first_with_the_gain_in_words() -> None:
    web = process("web", 4, rules=Rules(spread="zone"))
    nodes = tuple(node(f"n{at}", labels={"zone": zone}) for at, zone in enumerate("abc"))
    standing = tuple(instance(number, "n0", web, 25700 + number) for number in (1, 2, 3, 4))
    moves = rebalance([shop(web)], Fleet(nodes, standing), 5)
    assert [(str(it.slot), it.old, it.new, it.gain) for it in moves] == [
        ("shop.web.4", "n0", "n1", 3),
        ("shop.web.3", "n0", "n2", 2),
    ]
    assert moves[0].why == "zone a has 3 others of shop.web, b has 0"
    assert rebalance([shop(web)], Fleet(nodes, standing), 1) == moves[:1]


def test_packed_apps_free_the_nodes_that_hold_the_least() -> None:
    web = process("web", 4, rules=Rules("binpack"))
    nodes = (node("n1"), node("n2"), node("n3"))
    at = {1: "n1", 2: "n1", 3: "n2", 4: "n3"}
    standing = tuple(instance(number, on, web, 25700 + number) for number, on in at.items())
    moves = rebalance([shop(web)], Fleet(nodes, standing), 5)
    assert [(it.old, it.new, it.why) for it in moves] == [
        ("n2", "n1", "n2 is freed"),
        ("n3", "n1", "n3 is freed"),
    ]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param((node("n1"), node("n2"), node("n3")), {"n1": 5, "n2": 1}, id="the fullest first"),
        pytest.param(
            (node("n1", 512), node("n2"), node("n3")), {"n1": 1, "n2": 5}, id="as far as memory goes"
        ),
        pytest.param((node("n1", cpus=1.0), node("n2"), node("n3")), {"n1": 3, "n2": 3}, id="or cpu"),
        pytest.param(
            (node("n1", last_port=25701), node("n2"), node("n3")), {"n1": 1, "n2": 5}, id="or ports"
        ),
        pytest.param(
            (node("n1", 512), node("n2", 512), node("n3")), {"n1": 1, "n2": 2, "n3": 3}, id="not enough of it"
        ),
    ],
)
def test_what_is_to_be_packed_goes_beside_others_where_all_of_it_has_room(
    nodes: tuple[Node, ...], expected: dict[str, int]
) -> None:
    mail = process(memory=384 * M)
    standing = [
        replace(
            instance(at, f"n{at}", mail, None),
            memory=memory * M,
            slot=Slot("mail", "web", at),
            container=f"m{at}",
        )
        for at, memory in ((1, 384), (2, 256))
    ]
    web = process("web", 6, rules=Rules("binpack", max_per_node=5))
    arranged = plan_fleet([shop(web)], Fleet(nodes, tuple(standing)))
    assert Counter(it.node for it in arranged.placed) == expected


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 16), st.floats(0, 8)), min_size=2, max_size=9))
def test_ranks_are_in_the_order_of_what_a_strategy_likes(
    strategy: str, drawn: list[tuple[int, int, float]]
) -> None:
    nodes = [
        node(f"n{at}", 1024, free_memory=free * 64 * M, load=load) for at, (_, free, load) in enumerate(drawn)
    ]
    board = Board(nodes, {})
    for room, (held, _, _) in zip(board.rooms, drawn, strict=True):
        for number in range(held):
            board.take(room, Shape.of("shop", process(memory=64 * M, cpu=0.1, port=None)), number)
    rooms, (likes, rank, *_) = board.rooms, STRATEGIES[strategy]
    in_order = sorted(rooms, key=rank)
    assert [round(likes(room), 6) for room in in_order] == sorted(round(likes(room), 6) for room in rooms)


@pytest.mark.parametrize("without", ["n1", "n2"])
def test_what_fits_nowhere_is_left_out_and_said(without: str) -> None:
    web = process("web", 8)
    fleet = Fleet(tuple(it for it in (node("n1", 512), node("n2", 512)) if it.name != without))
    arranged = plan_fleet([shop(web)], fleet)
    assert (len(arranged.placed), len(arranged.unplaced)) == (4, 4)
    assert set(arranged.refusals()) == {f"shop.web.{number}" for number in (5, 6, 7, 8)}
    assert places(deployed(arranged, fleet)) == {(it.slot, it.node) for it in arranged.placed}


def test_apps_without_a_file_stay_and_bind_the_others() -> None:
    other = replace(instance(1, "n1", process(), 25790), slot=Slot("mail", "web", 1), container="mail")
    fleet = Fleet((node("n1"), node("n2", 256)), (other,), (), {("mail", "web"): Rules(apart=("*",))})
    arranged = plan_fleet([shop(process("web", 3, memory=128 * M))], fleet)
    assert Counter(it.node for it in arranged.placed) == {"n2": 2}
    reasons: Any = arranged.refusals()["shop.web.3"]
    assert reasons["n1"] == "holds mail.web, which is apart from *"
