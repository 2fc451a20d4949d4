# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be, over drawn fleets: no rule is broken, nothing moves without need, counts are right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Rules
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import LOST, Fleet, Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import Arrangement, arrange
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.capacity import capacity
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.explanation import explain
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.supposition import (
    added,
    rescaled,
    without,
)
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.survival import losses
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.usage import total, use_of
from tests.unit.rules import Stands, broken, rules_of
from tests.unit.worlds import UNHURRIED, M, World, instance, node, process, shop, worlds

WEB = process("web", 4, rules=Rules(spread="zone"))
SHOP = {"shop": shop(WEB)}
ZONES = {"n1": "a", "n2": "a", "n3": "b"}
NODES = [node(name, labels={"zone": zone}) for name, zone in ZONES.items()]


def fleet(*places: str, of: Iterable[str] = ZONES) -> Fleet:
    """Return nodes on which shop.web.1, shop.web.2 … stand, in this order."""
    standing = [instance(at, on, WEB, 25700 + at) for at, on in enumerate(places, 1)]
    return Fleet.of([each for each in NODES if each.name in of], standing)


def stands(found: Arrangement) -> list[Stands]:
    """Return what stands in the end, with all other apps."""
    known = {one.slot for one in found.kept.values()}
    return [Stands(one.slot, one.node, one.slot not in known) for one in found.after.instances if one.running]


def arranged(world: World) -> Arrangement:
    return arrange({"shop": world.configuration}, world.fleet)


@UNHURRIED
@given(worlds())
def test_no_rule_is_broken(world: World) -> None:
    found = arranged(world)
    rules = rules_of([world.configuration], world.fleet)
    assert broken(stands(found), rules, world.fleet, "shop") == []
    assert all(use.memory <= use.memory_total for use in use_of(found.board).values() if placed_on(found))


def placed_on(found: Arrangement) -> bool:
    """Say whether only what was arranged stands there: others may hold more than there is."""
    return {one.slot.app for one in found.fleet.instances} <= {"shop"} and not found.kept


@UNHURRIED
@given(worlds())
def test_what_is_arranged_needs_nothing_more(world: World) -> None:
    found = arranged(world)
    if found.homeless:
        return
    again = arrange({"shop": world.configuration}, found.after)
    assert again.changes == ()
    assert again.nodes == found.nodes


@UNHURRIED
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_does_not_matter(world: World, random: object) -> None:
    nodes, instances = list(world.fleet.nodes), list(world.fleet.instances)
    random.shuffle(nodes)  # type: ignore[attr-defined]
    random.shuffle(instances)  # type: ignore[attr-defined]
    shuffled = replace(world.fleet, nodes=tuple(nodes), instances=tuple(instances))
    assert arranged(World(world.configuration, shuffled)).nodes == arranged(world).nodes


@UNHURRIED
@given(worlds())
def test_every_instance_can_be_explained(world: World) -> None:
    found = arranged(world)
    before = {name: (room.memory, room.millicores) for name, room in found.board.items()}
    for slot, place in found.nodes.items():
        why = explain(slot, found)
        assert why.node == place
        assert {it.node for it in why.nodes} == {each.name for each in world.fleet.nodes}
        if slot in found.placed:
            assert next(it for it in why.nodes if it.node == place).refusal is None
    assert {name: (room.memory, room.millicores) for name, room in found.board.items()} == before


def test_an_instance_with_what_it_needs_counts_as_what_it_shall_be() -> None:
    standing = [replace(one, spec="", drift=("env",)) for one in fleet("n1", "n2", "n3", "n3").instances]
    assert arrange(SHOP, Fleet.of(NODES, standing)).changes == ()
    smaller = [replace(one, memory=64 * M) for one in standing]
    assert {change.kind for change in arrange(SHOP, Fleet.of(NODES, smaller)).changes} == {"replace"}


def test_a_lost_node_loses_exactly_its_instances() -> None:
    found = arrange(SHOP, without(fleet("n1", "n2", "n3", "n3"), ["n2"]))
    assert [(it.kind, str(it.slot), it.before, it.after) for it in found.changes] == [
        ("move", "shop.web.2", "n2", "n1")
    ]


def test_those_who_must_be_with_others_leave_with_them() -> None:
    cache = process("cache", rules=Rules(constraints=("node != n1",)))
    worker = process("worker", port=None, rules=Rules(together=("shop/cache",)))
    standing = [instance(1, "n1", cache), instance(1, "n1", worker, None)]
    found = arrange({"shop": shop(cache, worker)}, Fleet.of(NODES, standing))
    assert found.nodes[Slot("shop", "cache", 1)] == found.nodes[Slot("shop", "worker", 1)] != "n1"
    reasons = {it.slot.process: it.reason for it in found.changes}
    assert reasons["worker"] == "holds no shop/cache, wants with shop/cache"


def test_a_node_that_is_added_to_a_balanced_fleet_moves_nothing() -> None:
    grown = added(fleet("n1", "n2", "n3", "n3"), ["2x n1", "n3"])
    assert [each.name for each in grown.nodes] == ["n1", "n1-new1", "n1-new2", "n2", "n3", "n3-new1"]
    assert arrange(SHOP, grown).changes == ()


@UNHURRIED
@given(worlds())
def test_as_many_more_fit_as_the_capacity_says(world: World) -> None:
    found = arranged(world)
    if found.homeless:
        return
    for each in world.configuration.processes:
        more = capacity(found.shape(("shop", each.name)), found.board).more
        if each.rules.mode == "global" or more > 20:
            continue
        fuller = rescaled({"shop": world.configuration}, [f"shop.{each.name}={each.scale + more}"])
        assert arrange(fuller, found.after).homeless == ()


def test_the_capacity_counts_until_nothing_fits() -> None:
    found = arrange(SHOP, fleet("n1", "n2", "n3", "n3"))
    more = capacity(found.shape(("shop", "web")), found.board)
    assert (more.now, more.more, more.out, more.why) == (4, 20, "memory", "on 3 of 3 nodes")
    assert capacity(found.shape(("shop", "web")), found.board) == more
    assert arrange(rescaled(SHOP, ["shop.web=25"]), found.after).homeless[0].slots == (
        Slot("shop", "web", 25),
    )


def test_losses_say_what_fits_nowhere_what_is_down_and_what_stands_alone() -> None:
    once = process("once")
    tight = {"shop": shop(replace(WEB, scale=2), once)}
    standing = [*fleet("n3", "n3").instances, instance(1, "n1", once, 25720)]
    found = {loss.what: loss for loss in losses(arrange(tight, Fleet.of(NODES, standing)))}
    assert (found["n3"].down, found["n3"].slots, found["n3"].survived) == (("shop.web",), [], False)
    assert (found["n1"].alone, found["n1"].survived) == (("shop.once",), True)
    assert (found["n2"].instances, found["n2"].survived) == (0, True)


@UNHURRIED
@given(worlds())
def test_a_loss_is_what_the_plan_without_that_node_says(world: World) -> None:
    now = arranged(world)
    for loss in losses(now):
        gone = (replace(each, state=LOST) if each.name == loss.what else each for each in now.after.nodes)
        then = arrange({"shop": world.configuration}, replace(now.after, nodes=tuple(gone)))
        if loss.instances:
            assert loss.slots == [str(slot) for each in then.homeless for slot in each.slots]


def test_use_is_of_what_instances_may_have() -> None:
    use = total(use_of(arrange(SHOP, fleet("n1", "n2", "n3", "n3")).board).values())
    assert (use.memory, use.memory_total, use.instances, use.first) == (512 * M, 3072 * M, 4, "memory")


def configuration_of(found: Arrangement) -> Configuration:
    return found.configurations["shop"]


def test_what_other_apps_run_is_left_alone() -> None:
    other = Instance(Slot("blog", "web", 1), "n1", "x", "x", 1, "", "", 900 * M, 0.1, None)
    found = arrange(SHOP, Fleet.of(NODES, [*fleet("n1", "n2", "n3", "n3").instances, other]))
    assert other in found.after.instances
    assert configuration_of(found).app == "shop"
