# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every plan and every rollout, over random fleets and configurations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import assume, given, reject
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Configuration,
    Process,
    Rules,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import millicores
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import Plan, plan, removal_plan
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import Phase, final_table, rollout
from ansible_collections.fairlead.paas.plugins.module_utils.plan.undo import standing_table, undo
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from tests.unit.rules import Stands, broken, rules_of, skewed, standing
from tests.unit.worlds import UNHURRIED, Acted, World, process, shop, worlds

EVERYTHING_ROUTED = shop(
    *(process(name) for name in ("api", "web", "worker")),
    hosts={f"{name}.example.com": name for name in ("api", "web", "worker")},
)

PLAN = Plan("shop", 4, is_new_release=True, actions=())


def planned(world: World) -> Plan:
    """Return the plan for a world that has one."""
    try:
        return plan(world.configuration, world.fleet, None, 4)
    except NoRoom:
        reject()


def refusals(world: World) -> NoRoom:
    """Return why slots fit nowhere, in a world in which some do."""
    found: NoRoom | None = None
    try:
        plan(world.configuration, world.fleet, None, 4)
    except NoRoom as refused:
        found = refused
    assume(found is not None)
    assert found
    return found


def shuffled(items: tuple[Any, ...], random: Random) -> tuple[Any, ...]:
    return tuple(random.sample(items, len(items)))


def begun(world: World) -> Acted:
    return Acted(world.fleet, standing_table("shop", EVERYTHING_ROUTED, world.fleet))


def moments(world: World) -> Iterator[tuple[Acted, Phase]]:
    """Act out the plan; yield before anything, and after each phase's stops, its starts, and its routing."""
    acted = begun(world)
    yield acted, Phase()
    for phase in rollout(planned(world), world.configuration, world.fleet):
        acted.stop(phase)
        yield acted, phase
        acted.start(phase)
        yield acted, phase
        acted.remove(phase.remove)
        acted.table = phase.table or acted.table
        yield acted, phase


def carried_out(world: World) -> Acted:
    *_, (acted, _) = moments(world)
    return acted


@UNHURRIED
@given(worlds())
def test_capacity_is_never_exceeded_with_old_and_new_together(world: World) -> None:
    offered = Counter(
        {(node.name, "memory"): node.memory for node in world.fleet.nodes}
        | {(node.name, "cpu"): millicores(node.cpus) for node in world.fleet.nodes}
    )
    limit = offered | begun(world).reserved()
    for acted, _ in moments(world):
        assert acted.reserved() <= limit


@UNHURRIED
@given(worlds())
def test_max_per_node_is_never_exceeded_with_old_and_new_together(world: World) -> None:
    before = begun(world).slots()
    limits = {process.name: process.rules.max_per_node for process in world.configuration.processes}
    for acted, _ in moments(world):
        for (node, name), count in acted.slots().items():
            limit = limits.get(name)
            assert limit is None or count <= max(limit, before[node, name])
    for (_, name), count in acted.slots().items():
        assert limits[name] is None or count <= (limits[name] or 0)


@UNHURRIED
@given(worlds())
def test_every_hard_rule_holds_when_all_is_done(world: World) -> None:
    rules = rules_of([world.configuration], world.fleet)
    stands = standing(carried_out(world).known.values(), world.fleet)
    assert broken(stands, rules, world.fleet, "shop") == []
    if not any(action.kind == "move" for action in planned(world).actions):
        assert skewed(stands, rules, world.fleet, "shop") == []


@UNHURRIED
@given(worlds())
def test_carrying_out_a_plan_gives_what_is_wanted_and_the_next_plan_is_empty(world: World) -> None:
    configuration, acted = world.configuration, carried_out(world)
    specs = {process.name: process.spec.hash() for process in configuration.processes}
    found = of_shop(acted)
    assert {one.spec for one in found} <= set(specs.values())
    assert len({one.slot for one in found}) == len(found)
    for wanted in configuration.processes:
        mine = [one for one in found if one.slot.process == wanted.name]
        assert len(mine) == wanted_of(wanted, world, mine)
    again = plan(configuration, acted.observed(), (4, configuration.hash()), 5)
    assert (again.release, again.changed, again.count("keep")) == (4, False, len(found))
    assert rollout(again, configuration, acted.observed()) == ()
    if rollout(planned(world), configuration, world.fleet):
        assert final_table(again, configuration, acted.observed()) == acted.table


@UNHURRIED
@given(worlds())
def test_new_slots_take_the_lowest_numbers_that_are_free(world: World) -> None:
    seen = {one.slot for one in world.fleet.of_app("shop")}
    for wanted in world.configuration.processes:
        slots = {a.slot for a in planned(world).actions if a.after and a.slot.process == wanted.name}
        numbers = {slot.number for slot in slots}
        for slot in slots - seen:
            assert set(range(1, slot.number)) <= numbers | {it.number for it in seen}


@UNHURRIED
@given(worlds())
def test_no_room_says_why_for_every_node(world: World) -> None:
    names = {node.name for node in world.fleet.nodes}
    everywhere = {p.name for p in world.configuration.processes if p.rules.mode == GLOBAL}
    refused = refusals(world).refusals
    assert refused
    for slot, reasons in refused.items():
        assert len(reasons) == 1 if slot.split(".")[1] in everywhere else set(reasons) == names


@UNHURRIED
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter(world: World, random: Random) -> None:
    nodes, instances = shuffled(world.fleet.nodes, random), shuffled(world.fleet.instances, random)
    fleet = Fleet(nodes, instances, (), world.fleet.rules)
    processes = shuffled(world.configuration.processes, random)
    configuration = replace(world.configuration, processes=processes)
    first, second = planned(world), plan(configuration, fleet, None, 4)
    assert first == second
    assert rollout(first, world.configuration, world.fleet) == rollout(second, configuration, fleet)


@UNHURRIED
@given(worlds())
def test_what_is_as_wanted_and_allowed_is_kept(world: World) -> None:
    kept = {action.slot for action in planned(world).actions if action.kind == "keep"}
    assert {one.slot for one in world.fleet.instances if may_stay(world, one)} <= kept


@UNHURRIED
@given(worlds())
def test_nothing_leaves_a_node_that_has_room_for_everything(world: World) -> None:
    roomy = {node.name for node in world.fleet.nodes if holds_everything(world, node.name)}
    for action in planned(world).actions:
        if action.kind == "move" and action.old and action.old.node in roomy:
            assert re.search(
                "wants|max_per|apart|is cordoned|is draining|is reserved|leaves|max_skew", action.reason
            )


@UNHURRIED
@given(worlds())
def test_routers_send_only_to_what_runs_and_let_go_before_a_stop(world: World) -> None:
    for acted, _ in moments(world):
        running = {acted.server_of(instance) for instance in acted.now()}
        assert {(server.address, server.port) for server in acted.servers()} <= running


@UNHURRIED
@given(worlds())
def test_no_process_ever_misses_more_instances_than_it_may(world: World) -> None:
    update, routed = world.configuration.update, set(world.configuration.hosts.values())
    before = begun(world)
    for wanted in world.configuration.processes:
        after = [action.after for action in planned(world).actions if action.after]
        slots = {(it.slot.process, it.slot.number) for it in after if it.slot.process == wanted.name}
        least = len(slots) - update.may_be_missing(len(slots))
        for acted, _ in moments(world):
            assert len(slots & running(acted)) >= min(least, len(slots & running(before)))
            if wanted.name in routed:
                assert len(slots & serving(acted)) >= min(least, len(slots & serving(before)))


@UNHURRIED
@given(worlds())
def test_a_step_replaces_no_more_of_a_process_than_parallelism_says(world: World) -> None:
    made, update = planned(world), world.configuration.update
    scales = Counter(action.slot.process for action in made.actions if action.after)
    steps = Counter(
        (action.step, action.slot.process)
        for action in made.actions
        if action.new and action.old and action.old.running
    )
    for (step, name), replaced in steps.items():
        canary = update.canary.instances(scales[name]) if update.canary and step == 1 else 0
        assert replaced <= max(canary, update.in_a_step(scales[name]))


@UNHURRIED
@given(worlds())
def test_without_max_unavailable_nothing_stops_before_its_successor_serves(world: World) -> None:
    update = replace(world.configuration.update, order="start-first", max_unavailable=None)
    careful = replace(world, configuration=replace(world.configuration, update=update))
    assert not any(action.stop_first for action in planned(careful).actions)


@UNHURRIED
@given(worlds())
def test_parallelism_all_is_one_switch(world: World) -> None:
    update = replace(world.configuration.update, order="start-first", parallelism="all", canary=None)
    blue_green = replace(world, configuration=replace(world.configuration, update=update))
    routed = set(world.configuration.hosts.values())
    started = [action.new for action in planned(blue_green).actions if action.new]
    servers = {begun(world).server_of(new) for new in started if new.slot.process in routed}
    for acted, _ in moments(blue_green):
        assert servers & {(server.address, server.port) for server in acted.servers()} in (set(), servers)


@UNHURRIED
@given(worlds())
def test_weights_are_gone_when_all_is_done(world: World) -> None:
    assert {server.weight for server in carried_out(world).servers()} <= {1}


@UNHURRIED
@given(worlds())
def test_a_refusal_that_names_max_unavailable_says_enough_to_go_further(world: World) -> None:
    said = str(refusals(world))
    for name, number in re.findall(r"shop\.(\w+) has room only .*? update\.max_unavailable to (\d+)", said):
        process = {process.name: process for process in world.configuration.processes}[name]
        scale = len(world.fleet.nodes) if process.rules.mode == GLOBAL else process.scale
        assert int(number) <= scale
        if process.rules.mode != GLOBAL:
            assert world.configuration.update.may_be_missing(scale) < int(number)


@UNHURRIED
@given(worlds(), st.data())
def test_a_failed_phase_is_undone_to_what_ran_before(world: World, data: st.DataObject) -> None:
    phases = rollout(planned(world), world.configuration, world.fleet)
    assume(phases)
    failed = data.draw(st.integers(0, len(phases) - 1))
    acted = begun(world)
    before = (set(acted.running), set(acted.known), acted.table)
    for phase in phases[: failed + 1]:
        acted.act(phase)
    back = undo(PLAN, phases, failed, EVERYTHING_ROUTED, world.fleet)
    acted.undo(back)
    if phases[failed].remove:
        assert (back.resume, back.table, back.remove) == ({}, None, {})
    else:
        assert (acted.running, set(acted.known), acted.table) == before


@UNHURRIED
@given(worlds())
def test_a_removal_ends_with_nothing_and_routes_first(world: World) -> None:
    acted, gone = begun(world), Configuration("shop", ())
    phases = rollout(removal_plan("shop", world.fleet), gone, world.fleet)
    for phase in phases:
        assert not phase.stop or acted.table == Table("shop")
        acted.act(phase)
    assert of_shop(acted) == []
    assert [one for one in world.fleet.instances if one.slot.app == "billing"] == list(acted.known.values())


def of_shop(acted: Acted) -> list[Instance]:
    return [one for one in acted.known.values() if one.slot.app == "shop"]


def serving(acted: Acted) -> set[tuple[str, int]]:
    routed = {(server.address, server.port) for server in acted.servers()}
    return {
        (one.slot.process, one.slot.number)
        for one in acted.now()
        if one.slot.app == "shop" and acted.server_of(one) in routed
    }


def running(acted: Acted) -> set[tuple[str, int]]:
    return {(one.slot.process, one.slot.number) for one in acted.now() if one.slot.app == "shop"}


def wanted_of(process: Process, world: World, mine: list[Instance]) -> int:
    """Return how many of a process shall run: its scale, or one on each node that may hold it."""
    if process.rules.mode != GLOBAL:
        return process.scale
    rules = {("shop", process.name): Rules(constraints=process.rules.constraints)}
    one, known = Slot("shop", process.name, 1), {it.node for it in mine}
    may = [
        node.name
        for node in world.fleet.nodes
        if not broken([Stands(one, node.name, node.name not in known)], rules, world.fleet, "shop")
    ]
    assert sorted(it.node for it in mine) == sorted(may)
    return len(may)


def may_stay(world: World, one: Instance) -> bool:
    """Say whether an instance is as wanted, breaks no rule where it is, and is not one of too many.

    Whether those stay whom it must be with, or what runs on every node, is left to other tests.
    """
    wanted = {process.name: process for process in world.configuration.processes}
    process, seen = wanted.get(one.slot.process), world.fleet.of_app("shop")
    if not process or one.slot.app != "shop" or not one.running or one.drift:
        return False
    if one.spec != process.spec.hash() or process.rules.together or process.rules.mode == GLOBAL:
        return False
    if len({it.slot for it in seen if it.slot.process == process.name}) > process.scale:
        return False
    present = [it for it in world.fleet.instances if it.running or it.slot.app != "shop"]
    known = [it for it in present if it.slot.app != "shop" or it.slot.process in wanted]
    rules = rules_of([world.configuration], world.fleet)
    said = broken(standing(known, world.fleet), rules, world.fleet, "shop")
    return not any(words.startswith(f"{one.slot} ") for words in said)


def holds_everything(world: World, name: str) -> bool:
    """Say whether a node could hold all that is wanted beside all that it holds."""
    node = next(node for node in world.fleet.nodes if node.name == name)
    here, processes = world.fleet.on(name), world.configuration.processes
    memory = sum(p.scale * p.spec.memory for p in processes) + sum(one.memory for one in here)
    cpu = sum(p.scale * millicores(p.spec.cpu) for p in processes) + sum(millicores(one.cpu) for one in here)
    taken = set(node.busy_ports) | {one.port for one in here}
    ports = sum(port not in taken for port in range(node.first_port, node.last_port + 1))
    return (
        memory <= node.memory
        and cpu <= millicores(node.cpus)
        and sum(process.scale for process in processes) <= ports
    )
