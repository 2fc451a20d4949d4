# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that have volumes: where they stay, what is said where they cannot, who never runs twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Canary,
    Configuration,
    Process,
    Rules,
    Volume,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import (
    ACTIVE,
    CORDONED,
    DRAINING,
    LOST,
    Fleet,
    Instance,
    Node,
    Slot,
    Stored,
)
from ansible_collections.fairlead.paas.plugins.module_utils.paper.file import parse_paper
from ansible_collections.fairlead.paas.plugins.module_utils.plan.arrangement import plan_fleet
from ansible_collections.fairlead.paas.plugins.module_utils.plan.deployment import (
    Errand,
    deployment,
    removal,
)
from ansible_collections.fairlead.paas.plugins.module_utils.plan.homes import homes_of
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import Manner, Plan, plan
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rebalance import rebalance
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import rollout
from ansible_collections.fairlead.paas.plugins.module_utils.plan.undo import undo
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import arrange
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.emptied import moves, refuse_homeless
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.supposition import added, without
from tests.unit.test_deployment import release
from tests.unit.worlds import UNHURRIED, Acted, M, World, instance, node, process, shop, worlds

DATA, MEDIA = Volume("data", "/data"), Volume("media", "/media", nfs="10.0.0.5:/media")
CERTIFICATES = Volume("certificates", "/certs", node="/srv/certs", read_only=True)
DB = process("db", port=None, volumes=(DATA,))
SHOP = shop(DB, hosts={})
N1, N2, N3 = node("n1"), node("n2"), node("n3")
NODES = (N1, N2, N3)
DB_1 = Slot("shop", "db", 1)
USUAL, ANEW = Manner(), Manner(move_volumes=True)


def db(number: int, on: str, of: Process = DB, **fields: Any) -> Instance:
    return instance(number, on, of, None, **fields)


def stored(number: int, on: str, created: int = 0, name: str = "data", process_: str = "db") -> Stored:
    return Stored(Slot("shop", process_, number), name, on, created)


def fleet(*seen: Instance | Stored, nodes: Iterable[Node] = NODES) -> Fleet:
    instances = [one for one in seen if isinstance(one, Instance)]
    return Fleet.of(nodes, instances, volumes=[one for one in seen if isinstance(one, Stored)])


def planned(seen: Fleet, of: Process = DB, manner: Manner = USUAL, **update: Any) -> Plan:
    return plan(shop(of, hosts={}, **update), seen, (3, "older"), 4, manner)


def what(made: Plan) -> list[tuple[str, str, str]]:
    return [(action.kind, str(action.slot), action.node) for action in made.actions]


def in_state(state: str, name: str = "n2") -> tuple[Node, ...]:
    return tuple(replace(each, state=state) if each.name == name else each for each in NODES)


NEXT = replace(DB, spec=replace(DB.spec, env={"A": "1"}))


def test_one_that_has_a_volume_is_replaced_where_that_is_and_stops_before() -> None:
    made = planned(fleet(db(1, "n2"), stored(1, "n2")), NEXT)
    assert what(made) == [("replace", "shop.db.1", "n2")]
    assert made.actions[0].stop_first
    assert made.actions[0].reason.endswith("; stopped first, must not run twice")


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_what_must_not_run_twice_goes_its_way_beside_what_may(order: str) -> None:
    web, old = process("web", 2), process("web", 2, env={"A": "1"})
    observed = fleet(
        db(1, "n1", NEXT), stored(1, "n1"), instance(1, "n1", old), instance(2, "n2", old), nodes=(N1, N2)
    )
    made = plan(shop(web, DB, order=order), observed, None, 4)
    assert {str(it.slot): it.stop_first for it in made.actions} == {
        "shop.db.1": True,
        "shop.web.1": order == "stop-first",
        "shop.web.2": order == "stop-first",
    }


def test_several_of_it_go_as_many_at_a_time_as_the_update_says() -> None:
    three = replace(DB, scale=3)
    observed = fleet(*(db(n, f"n{n}", replace(NEXT, scale=3)) for n in (1, 2, 3)))
    assert [it.step for it in planned(observed, three).actions] == [1, 2, 3]
    assert [it.step for it in planned(observed, three, parallelism="all").actions] == [1, 1, 1]
    assert [it.step for it in planned(observed, three, parallelism=2, max_unavailable=1).actions] == [1, 2, 3]


@pytest.mark.parametrize(
    ("volumes", "publish", "alone"),
    [
        ((), None, False),
        ((CERTIFICATES,), None, False),
        ((DATA,), None, True),
        ((MEDIA,), None, True),
        ((replace(CERTIFICATES, read_only=False),), None, True),
        ((), 5432, True),
    ],
)
def test_who_must_not_run_twice(volumes: tuple[Volume, ...], publish: int | None, *, alone: bool) -> None:
    spec = process(volumes=volumes, publish=publish).spec
    assert spec.alone is alone
    old = process(volumes=volumes, publish=publish, env={"A": "1"})
    made = plan(shop(process(volumes=volumes, publish=publish)), fleet(instance(1, "n1", old)), None, 4)
    assert made.actions[0].stop_first is alone


def test_new_slots_take_up_the_volumes_that_are_there_first() -> None:
    seen = fleet(stored(3, "n3"), stored(1, "n2"))
    assert what(planned(seen, replace(DB, scale=2))) == [
        ("start", "shop.db.1", "n2"),
        ("start", "shop.db.3", "n3"),
    ]
    more = fleet(db(3, "n3"), stored(3, "n3"), stored(1, "n2"))
    assert what(planned(more, replace(DB, scale=3)))[:2] == [
        ("start", "shop.db.1", "n2"),
        ("start", "shop.db.2", "n1"),
    ]


@pytest.mark.parametrize(
    ("seen", "home"),
    [
        ((stored(1, "n1", 10), stored(1, "n2", 20)), "n2"),
        ((stored(1, "n1", 20), stored(1, "n2", 10)), "n1"),
        ((stored(1, "n1", 10), stored(1, "n2", 20), db(1, "n1")), "n1"),
        ((stored(1, "n1", 10), stored(1, "n2", 20), db(1, "n1", running=False)), "n1"),
        ((stored(1, "n1", 10), stored(1, "n2", 20), db(1, "n1", running=False), db(1, "n2")), "n2"),
        ((stored(1, "n1", 10), stored(1, "n2", 20), db(1, "n1"), db(1, "n2")), "n2"),
    ],
)
def test_of_two_nodes_it_is_where_it_runs_then_where_it_was_last(
    seen: tuple[Instance | Stored, ...], home: str
) -> None:
    homes = homes_of([SHOP], fleet(*seen))
    assert homes["shop", "db"][1].node == home
    after = [it.node for it in planned(fleet(*seen)).actions if it.after]
    assert after == [home]


@pytest.mark.parametrize("state", [ACTIVE, CORDONED, DRAINING])
def test_one_that_stands_elsewhere_goes_to_its_volumes_and_leaves_its_room(state: str) -> None:
    nodes = (N1, replace(node("n2", 192), state=state), N3)
    seen = fleet(db(1, "n2", NEXT), stored(1, "n1"), nodes=nodes)
    [action] = planned(seen).actions
    assert (action.kind, action.node, action.stop_first) == ("move", "n1", True)
    found = plan_fleet([SHOP], seen)
    assert [(it.slot, it.node) for it in found.placed] == [(DB_1, "n1")]
    assert (found.board["n1"].memory, found.board["n2"].memory) == (896 * M, 192 * M)


def test_an_instance_that_came_back_with_its_lost_node_goes() -> None:
    made = planned(fleet(db(1, "n1"), db(1, "n2"), stored(1, "n1", 10), stored(1, "n2", 20)))
    assert {(it.kind, it.node) for it in made.actions} == {("keep", "n2"), ("stop", "n1")}


def test_volumes_that_bind_nothing_bind_nothing() -> None:
    loose = process("db", port=None, volumes=(CERTIFICATES, MEDIA))
    seen = fleet(
        stored(1, "n2", name="media"), stored(1, "n2", name="certificates"), nodes=in_state(CORDONED)
    )
    assert what(planned(seen, loose)) == [("start", "shop.db.1", "n1")]
    gone = fleet(stored(1, "n2", name="older"), stored(1, "n9"), nodes=in_state(CORDONED))
    assert what(planned(gone)) == [("start", "shop.db.1", "n1")]


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        (in_state(CORDONED), "is cordoned, takes nothing new"),
        (in_state(DRAINING), "is draining"),
        ((N1, node("n2", 64), N3), "64M memory free, needs 128M"),
        ((N1, replace(N2, reserved_for=("billing",)), N3), "is reserved for billing"),
    ],
)
@pytest.mark.parametrize("standing", [True, False])
def test_where_it_cannot_be_it_is_refused_with_its_volume_and_what_to_do(
    nodes: tuple[Node, ...], why: str, *, standing: bool
) -> None:
    seen = fleet(*([db(1, "n2", memory=0)] if standing else []), stored(1, "n2"), nodes=nodes)
    with pytest.raises(NoRoom) as caught:
        planned(seen, NEXT)
    said = str(caught.value).splitlines()
    assert said[:2] == ["no room for shop.db.1:", f"  n2: {why}"]
    assert (
        f"shop.db.1: its volume data is on n2, which {why}. -e move_volumes=true lets it begin anew"
        " elsewhere, without what is in data"
    ) in said
    [action] = planned(seen, NEXT, ANEW).actions
    assert action.node == "n1"
    assert action.reason.endswith("begins with nothing in data: what it had stays on n2")


def test_what_stands_well_stays_also_if_it_might_move() -> None:
    seen = fleet(db(1, "n2"), stored(1, "n2"), db(2, "n3"), stored(2, "n3"))
    two = replace(DB, scale=2)
    assert [kind for kind, *_ in what(planned(seen, two, ANEW))] == ["keep", "keep"]
    renewed = planned(seen, replace(NEXT, scale=2), ANEW)
    assert what(renewed) == [("replace", "shop.db.1", "n2"), ("replace", "shop.db.2", "n3")]
    cold = fleet(stored(1, "n2"), stored(2, "n3"))
    assert what(planned(cold, two, ANEW)) == [("start", "shop.db.1", "n2"), ("start", "shop.db.2", "n3")]


def test_on_every_node_each_keeps_its_own() -> None:
    everywhere = replace(DB, rules=Rules(mode=GLOBAL))
    seen = fleet(db(3, "n3", everywhere), stored(3, "n3"), stored(1, "n2"), stored(2, "n1"))
    assert what(planned(seen, everywhere)) == [
        ("start", "shop.db.1", "n2"),
        ("start", "shop.db.2", "n1"),
        ("keep", "shop.db.3", "n3"),
    ]
    drained = fleet(db(1, "n2", everywhere), stored(1, "n2"), nodes=in_state(DRAINING))
    assert ("stop", "shop.db.1", "n2") in what(planned(drained, everywhere))


def test_a_canary_tries_nothing_that_must_not_run_twice() -> None:
    web, old = process(publish=8443), process(publish=8443, env={"A": "1"})
    made = plan(shop(web, canary=Canary()), fleet(instance(1, "n1", old, 8443)), None, 4)
    assert made.canary is None
    assert made.actions[0].stop_first


def test_the_release_command_gets_no_volumes_and_no_port() -> None:
    wanted = shop(process(volumes=(DATA,), publish=8443))
    configuration = Configuration.from_dict(
        wanted.as_dict() | {"release": {"command": ["migrate"], "deadline": 60.0}}
    )
    task = deployment(configuration, fleet(), (), {}).task
    assert task
    assert (task.spec.volumes, task.spec.publish, task.spec.port) == ((), None, None)


# Data that cannot be seen


RELEASED = (release(3, "active", SHOP),)


def test_an_instance_whose_node_cannot_be_seen_does_not_begin_anew_unasked() -> None:
    with pytest.raises(FairleadError) as caught:
        deployment(SHOP, fleet(), RELEASED, {})
    assert str(caught.value) == (
        "shop.db.1 would begin with nothing in data: it has run before, and none of the nodes that were seen"
        " (n1, n2, n3) has its volume. Bring the node back that has; if its data is lost or nobody needs it,"
        " -e move_volumes=true lets it begin anew"
    )
    made = deployment(SHOP, fleet(), RELEASED, {}, Errand(move_volumes=True))
    assert [action.kind for action in made.plan.actions] == ["start"]


@pytest.mark.parametrize(
    ("before", "seen"),
    [
        (None, ()),
        (shop(replace(DB, scale=1), hosts={}), (stored(1, "n1"), db(1, "n1"))),
        (shop(replace(DB, spec=replace(DB.spec, volumes=())), hosts={}), ()),
        (shop(replace(DB, spec=replace(DB.spec, volumes=(replace(DATA, name="a"),))), hosts={}), ()),
    ],
)
def test_what_never_had_the_volume_begins_with_nothing(
    before: Configuration | None, seen: tuple[Instance | Stored, ...]
) -> None:
    releases = (release(3, "active", before),) if before else ()
    wanted = shop(replace(DB, scale=2), hosts={})
    made = deployment(wanted, fleet(*seen), releases, {})
    assert sum(action.kind == "start" for action in made.plan.actions) == 2 - len(seen) // 2


def test_a_lost_slot_is_missed_whatever_its_number_was() -> None:
    before = shop(replace(DB, scale=2), hosts={})
    with pytest.raises(FairleadError, match=r"^shop\.db\.1 would begin with nothing"):
        deployment(before, fleet(db(3, "n1"), stored(3, "n1")), (release(3, "active", before),), {})


# Draining, sending, evening out, supposing


STANDING = fleet(db(1, "n2"), stored(1, "n2"))


def test_a_node_is_not_emptied_of_volumes_unasked() -> None:
    draining = replace(STANDING, nodes=in_state(DRAINING))
    found = plan_fleet([SHOP], draining)
    with pytest.raises(NoRoom) as caught:
        refuse_homeless("n2", found)
    assert str(caught.value).splitlines() == [
        "no room for shop.db.1:",
        "  n2: is draining",
        (
            "shop.db.1: its volume data is on n2, which is draining. -e move_volumes=true lets it begin anew"
            " elsewhere, without what is in data"
        ),
        "To move what fits, and leave the rest on n2: -e force=true.",
    ]
    assert moves("n2", found) == ["  ! shop.db.1  stays: its volume data is on n2"]
    assert moves("n2", plan_fleet([SHOP], draining, move_volumes=True)) == ["  > shop.db.1  to n1"]


def test_what_is_on_a_server_moves_but_never_runs_twice() -> None:
    media = process("db", port=None, volumes=(MEDIA,))
    seen = fleet(db(1, "n2", media), stored(1, "n2", name="media"), nodes=in_state(DRAINING))
    [action] = planned(seen, media).actions
    assert (action.kind, action.node, action.stop_first) == ("move", "n1", True)


def test_a_slot_is_not_sent_away_from_its_volume_unasked() -> None:
    errand = Errand("move", {DB_1: "n3"})
    with pytest.raises(
        FairleadError, match=r"^shop\.db\.1: its volume data is on n2, which is not n3\. -e move"
    ):
        deployment(SHOP, STANDING, RELEASED, {}, errand)
    [action] = deployment(SHOP, STANDING, RELEASED, {}, replace(errand, move_volumes=True)).plan.actions
    assert (action.kind, action.node, action.stop_first) == ("move", "n3", True)


def test_a_rebalance_leaves_volumes_and_ports_where_they_are() -> None:
    loose, own = process("web", 3), process("db", 3, port=None, volumes=(MEDIA,))
    crowded = tuple(instance(number, "n1", loose, 25700 + number) for number in (1, 2, 3))
    assert rebalance([shop(loose)], fleet(*crowded), 3)
    crowded = tuple(db(number, "n1", own) for number in (1, 2, 3))
    assert rebalance([shop(own, hosts={})], fleet(*crowded), 3) == ()


def test_without_its_node_it_is_homeless_on_paper_too() -> None:
    gone = arrange({"shop": SHOP}, replace(STANDING, nodes=in_state(LOST)))
    assert [slot for each in gone.homeless for slot in each.slots] == [DB_1]
    assert any(line.startswith("shop.db.1: its volume data is on n2, which is lost.") for line in gone.advice)
    placed = arrange({"shop": SHOP}, fleet())
    later = replace(placed.after, nodes=in_state(LOST, placed.nodes[DB_1]))
    assert arrange({"shop": SHOP}, later).homeless


PAPER = b"""
nodes: {"n[1:3]": {memory: 1G, cpu: 4}}
instances: [{slot: shop.db.1, node: n2}]
"""


def test_on_paper_instances_have_the_volumes_of_their_process() -> None:
    paper = parse_paper("fleet.yml", PAPER, {"shop": SHOP})
    assert paper.fleet.volumes == (stored(1, "n2"),)
    assert arrange(paper.configurations, without(paper.fleet, ["n2"])).homeless
    more = added(paper.fleet, ["2x n1"])
    assert (len(more.nodes), more.volumes) == (5, paper.fleet.volumes)


def test_a_look_says_whose_volumes_are_whose() -> None:
    seen = {"app": "shop", "process": "db", "number": 1, "name": "data", "created": 7}
    assert Stored.from_look("n2", seen) == stored(1, "n2", 7)


# Removal


def test_a_removal_keeps_volumes_and_says_so_unless_they_are_to_go() -> None:
    seen = fleet(db(1, "n2"), stored(1, "n2"), stored(2, "n3"))
    kept = removal("shop", seen, {})
    assert "= shop.db.2.data  the volume stays" in kept.text
    assert kept.text.endswith("To remove the volumes too, with all that is in them: -e remove_volumes=true")
    assert kept.as_dict()["volumes"] == {}
    all_of_it = removal("shop", seen, {}, volumes=True)
    assert "- shop.db.2.data  the volume is removed" in all_of_it.text
    assert all_of_it.as_dict()["volumes"] == {"n2": ["shop.db.1.data"], "n3": ["shop.db.2.data"]}
    assert removal("shop", fleet(stored(1, "n2")), {}, volumes=True).changed
    assert not removal("shop", fleet(stored(1, "n2")), {}).changed


# A port of one's own


def test_a_port_of_its_own_is_what_it_gets_and_one_a_node() -> None:
    own = process(scale=2, publish=5432)
    made = plan(shop(own), fleet(), None, 1)
    assert [(it.node, it.new.port) for it in made.actions if it.new] == [("n1", 5432), ("n2", 5432)]
    with pytest.raises(NoRoom, match=r"n1: already holds 1 of shop\.web, which publishes 5432"):
        plan(shop(own), fleet(nodes=(N1,)), None, 1)


def test_two_processes_with_the_same_port_stand_apart() -> None:
    one, other = process("a", publish=5432), process("b", publish=5432)
    made = plan(shop(one, other, hosts={}), fleet(), None, 1)
    assert len({it.node for it in made.actions}) == 2
    with pytest.raises(NoRoom, match=r"n1: port 5432 is published by shop\.a"):
        plan(shop(one, other, hosts={}), fleet(nodes=(N1,)), None, 1)
    theirs = replace(instance(1, "n1", one, 5432), slot=Slot("billing", "db", 1))
    with pytest.raises(NoRoom, match=r"n1: port 5432 is published by billing\.db"):
        plan(shop(other, hosts={}), fleet(theirs, nodes=(N1,)), None, 1)
    busy = replace(N1, busy_ports=frozenset({5432}))
    with pytest.raises(NoRoom, match=r"n1: port 5432 is taken by something that is not Fairlead's"):
        plan(shop(other, hosts={}), fleet(nodes=(busy,)), None, 1)


def test_a_process_by_another_name_gets_the_port_when_the_first_has_let_go_of_it() -> None:
    one, other = process("a", publish=5432), process("b", publish=5432)
    made = plan(shop(other, hosts={}), fleet(instance(1, "n1", one, 5432), nodes=(N1,)), None, 4)
    assert what(made) == [("stop", "shop.a.1", "n1"), ("start", "shop.b.1", "n1")]
    assert made.actions[0].step <= made.actions[1].step


# What always holds


# Many of these worlds have no room: volumes allow for one node only.
DEMANDING = settings(UNHURRIED, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
VOLUMES = [(), (DATA,), (DATA, MEDIA), (MEDIA,), (CERTIFICATES,)]


@st.composite
def stored_worlds(draw: st.DrawFn) -> World:
    """Draw a world in which some processes have volumes or ports of their own, and some volumes are there."""
    world = draw(worlds())
    processes = []
    for each in world.configuration.processes:
        publish = draw(st.sampled_from([None, None, 5432])) if each.spec.port else None
        spec = replace(each.spec, volumes=draw(st.sampled_from(VOLUMES)), publish=publish)
        processes.append(replace(each, spec=spec))
    names = st.sampled_from([node.name for node in world.fleet.nodes])
    there = [
        Stored(Slot("shop", each.name, number), volume.name, draw(names), draw(st.integers(0, 2)))
        for each in processes
        for volume in each.spec.volumes
        for number in range(1, 5)
        if draw(st.integers(1, 3)) == 1
    ]
    configuration = replace(world.configuration, processes=tuple(processes))
    return World(configuration, replace(world.fleet, volumes=tuple(sorted(set(there)))))


def the_plan(world: World, manner: Manner = USUAL) -> Plan:
    try:
        return plan(world.configuration, world.fleet, None, 4, manner)
    except NoRoom:
        reject()


def alone_of(world: World) -> set[str]:
    return {each.name for each in world.configuration.processes if each.spec.alone}


def doubles(acted: Acted, names: set[str]) -> Counter[Slot]:
    running = (one.slot for one in acted.now() if one.slot.app == "shop" and one.slot.process in names)
    return Counter({slot: many for slot, many in Counter(running).items() if many > 1})


@DEMANDING
@given(stored_worlds())
def test_a_slot_starts_where_its_volumes_are_and_nowhere_else(world: World) -> None:
    homes = homes_of([world.configuration], world.fleet)
    everywhere = {it.name for it in world.configuration.processes if it.rules.mode == GLOBAL}
    made = the_plan(world)
    for action in made.actions:
        home = homes.get((action.slot.app, action.slot.process), {}).get(action.slot.number)
        if action.new and home and action.slot.process not in everywhere:
            assert action.node == home.node


@DEMANDING
@given(stored_worlds())
def test_on_paper_too(world: World) -> None:
    homes = homes_of([world.configuration], world.fleet)
    everywhere = {it.name for it in world.configuration.processes if it.rules.mode == GLOBAL}
    found = plan_fleet([world.configuration], world.fleet)
    for placed in found.placed:
        home = homes.get((placed.slot.app, placed.slot.process), {}).get(placed.slot.number)
        assert home is None or placed.slot.process in everywhere or placed.node == home.node
    again = plan_fleet([world.configuration], world.fleet)
    assert (found.placed, found.kept) == (again.placed, again.kept)
    assert set(found.held()) <= set(found.refusals())


@DEMANDING
@given(stored_worlds(), st.sampled_from([USUAL, ANEW]))
def test_nothing_that_must_not_runs_twice_on_the_way_or_back(world: World, manner: Manner) -> None:
    names = alone_of(world)
    made = the_plan(world, manner)
    acted = Acted(world.fleet, Table("shop"))
    before = doubles(acted, names)
    phases = rollout(made, world.configuration, world.fleet)
    reversible = tuple(phase for phase in phases if not phase.remove)
    for phase in phases:
        acted.stop(phase)
        acted.start(phase)
        assert doubles(acted, names) <= before
        acted.remove(phase.remove)
    assert doubles(acted, names) == Counter()
    for failed in range(len(reversible)):
        acted = Acted(world.fleet, Table("shop"))
        for phase in reversible[: failed + 1]:
            acted.stop(phase)
            acted.start(phase)
        back = undo(made, reversible, failed, world.configuration, world.fleet)
        acted.undo(replace(back, remove={}))
        assert doubles(acted, names) <= before


@DEMANDING
@given(stored_worlds())
def test_when_it_is_done_the_next_plan_is_empty(world: World) -> None:
    acted = Acted(world.fleet, Table("shop"))
    for phase in rollout(the_plan(world), world.configuration, world.fleet):
        acted.act(phase)
    by_name = {each.name: each for each in world.configuration.processes}
    made = [
        Stored(one.slot, volume.name, one.node, 9)
        for one in acted.now()
        if one.slot.app == "shop"
        for volume in by_name[one.slot.process].spec.volumes
    ]
    seen = acted.observed()
    seen = replace(seen, volumes=tuple(sorted({*seen.volumes, *made})))
    again = plan(world.configuration, seen, (4, world.configuration.hash()), 5)
    assert not again.changed


@DEMANDING
@given(stored_worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_volumes_are_seen_does_not_matter(world: World, random: Random) -> None:
    mixed = tuple(random.sample(world.fleet.volumes, len(world.fleet.volumes)))
    assert the_plan(world) == the_plan(replace(world, fleet=replace(world.fleet, volumes=mixed)))
