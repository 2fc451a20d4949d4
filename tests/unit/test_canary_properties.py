# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every rollout with a canary, over random fleets: also for one killed, or taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Canary,
    Configuration,
    Rules,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Node
from ansible_collections.fairlead.paas.plugins.module_utils.plan.canary import Trial
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import Plan, plan
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import Phase, rollout
from ansible_collections.fairlead.paas.plugins.module_utils.plan.tables import server_name
from ansible_collections.fairlead.paas.plugins.module_utils.plan.undo import standing_table, undo
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from tests.unit.worlds import UNHURRIED, Acted, M, World, configurations, fleet_nodes, running


@st.composite
def tried_worlds(draw: st.DrawFn) -> World:
    """Draw a fleet with room that runs some configuration, and one with new code and a canary."""
    nodes = tuple(map(roomy, fleet_nodes(draw)))
    drawn = draw(configurations(["web", "worker"]))
    processes = (
        replace(process, scale=max(process.scale, 1), rules=Rules(process.rules.strategy))
        for process in drawn.processes
    )
    first = replace(drawn, processes=tuple(processes))
    canary = Canary(draw(st.sampled_from([1, 5, 20, 34, 50])))
    update = replace(first.update, order="start-first", canary=canary)
    new = (replace(process, spec=replace(process.spec, env={"NEW": "1"})) for process in first.processes)
    return World(replace(first, processes=tuple(new), update=update), running(first, nodes))


def roomy(node: Node) -> Node:
    """Return the node with room for two releases of any configuration that is drawn."""
    return replace(node, memory=4096 * M, free_memory=4096 * M, cpus=8.0, last_port=node.last_port + 24)


def planned(configuration: Configuration, acted: Acted) -> tuple[Plan, tuple[Phase, ...], Trial]:
    """Return a plan that has a canary, its phases, and what is tried."""
    fleet = acted.observed()
    try:
        made = plan(configuration, fleet, None, 4)
    except NoRoom:
        reject()
    phases = rollout(made, configuration, fleet)
    trials = [phase.canary for phase in phases if phase.canary]
    if not trials:
        reject()
    assert len(trials) == 1
    return made, phases, trials[0]


def begun(world: World) -> Acted:
    return Acted(world.fleet, standing_table("shop", world.configuration, world.fleet))


def until_tried(acted: Acted, phases: tuple[Phase, ...]) -> None:
    """Act out the phases up to the canary's."""
    for phase in phases:
        acted.act(phase)
        if phase.canary:
            return


def share(table: Table, trial: Trial, backend: str) -> float:
    """Return the percent of a process's requests that the new release gets."""
    servers = next(each.servers for each in table.backends if each.name == backend)
    new = sum(server.weight for server in servers if server.name in trial.servers[backend])
    return 100 * new / sum(server.weight for server in servers)


@UNHURRIED
@given(tried_worlds())
def test_a_canary_is_all_that_has_started_and_gets_its_share(world: World) -> None:
    acted = begun(world)
    before = set(acted.running)
    _, phases, trial = planned(world.configuration, acted)
    until_tried(acted, phases)
    started = {server_name(acted.known[name]) for name in acted.running - before}
    assert started == {name for names in trial.servers.values() for name in names}
    for backend, names in trial.servers.items():
        process = next(it for it in world.configuration.processes if f"shop.{it.name}" == backend)
        assert len(names) == trial.canary.instances(process.scale)
        assert share(acted.table, trial, backend) == pytest.approx(trial.canary.weight, rel=0.02)


@UNHURRIED
@given(tried_worlds())
def test_nothing_stops_before_a_canary_was_tried(world: World) -> None:
    acted = begun(world)
    _, phases, _ = planned(world.configuration, acted)
    before, servers = set(acted.running), acted.servers()
    until_tried(acted, phases)
    assert before <= acted.running
    assert {(server.address, server.port) for server in servers} <= {
        (server.address, server.port) for server in acted.servers()
    }


@UNHURRIED
@given(tried_worlds())
def test_a_canary_that_was_killed_is_tried_again_with_the_same_instances(world: World) -> None:
    acted = begun(world)
    _, phases, trial = planned(world.configuration, acted)
    until_tried(acted, phases)
    made, again, second = planned(world.configuration, acted)
    assert second == trial
    assert len(made.untried) == sum(len(names) for names in trial.servers.values())
    for phase in again:
        acted.act(phase)
    assert {server.weight for server in acted.servers()} <= {1}


@UNHURRIED
@given(tried_worlds())
def test_a_rollout_that_was_killed_after_its_canary_has_no_other(world: World) -> None:
    acted = begun(world)
    _, phases, trial = planned(world.configuration, acted)
    for phase in phases:
        acted.act(phase)
        started = [
            one for one in acted.now() if one.spec in {p.spec.hash() for p in world.configuration.processes}
        ]
        for backend, names in trial.servers.items():
            new = [one for one in started if f"shop.{one.slot.process}" == backend]
            if len(new) > len(names):
                found = plan(world.configuration, acted.observed(), None, 4).canary
                assert not found or backend not in {f"shop.{slot.process}" for slot in found.slots}


@UNHURRIED
@given(tried_worlds(), st.booleans())
def test_a_canary_that_is_taken_back_leaves_what_served_before(world: World, killed: bool) -> None:  # noqa: FBT001
    acted = begun(world)
    before = (set(acted.running), acted.table)
    made, phases, _ = planned(world.configuration, acted)
    until_tried(acted, phases)
    fleet = world.fleet
    if killed:
        fleet = acted.observed()
        made, phases, _ = planned(world.configuration, acted)
        until_tried(acted, phases)
    failed = [phase.canary is not None for phase in phases].index(True)
    acted.undo(undo(made, phases, failed, world.configuration, fleet))
    assert (acted.running, acted.table) == before
