# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that are sent to a node of somebody's choice, and nodes that are emptied on paper."""

from __future__ import annotations

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Rules
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import DRAINING, Fleet, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.arrangement import plan_fleet
from ansible_collections.fairlead.paas.plugins.module_utils.plan.moves import moves_of
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import Manner, Plan, plan
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.emptied import (
    destinations,
    moves,
    refuse_homeless,
)
from tests.unit.worlds import instance, node, process, shop

WEB = process("web", 3)
SHOP = shop(WEB)
N1, N2, N3 = node("n1"), node("n2"), node("n3")
FLEET = Fleet.of(
    [N1, N2, N3], [instance(1, "n1", WEB), instance(2, "n1", WEB, 25702), instance(3, "n2", WEB)]
)
WEB_2 = Slot("shop", "web", 2)


def moved(to: str, fleet: Fleet = FLEET) -> Plan:
    return plan(SHOP, fleet, (3, SHOP.hash()), 4, Manner(trying=False, moves={WEB_2: to}))


def test_an_instance_goes_where_it_is_sent_and_nothing_else_moves() -> None:
    made = moved("n3")
    assert [(a.kind, str(a.slot), a.node) for a in made.actions] == [
        ("keep", "shop.web.1", "n1"),
        ("move", "shop.web.2", "n3"),
        ("keep", "shop.web.3", "n2"),
    ]
    assert "> shop.web.2  to n3: n3 was chosen for it" in str(made)
    assert (made.release, made.is_new_release) == (3, False)


def test_one_that_is_there_already_stays() -> None:
    assert not moved("n1").changed


def test_one_that_does_not_fit_where_it_is_sent_goes_nowhere() -> None:
    full = Fleet.of([N1, N2, node("n3", 64)], FLEET.instances)
    with pytest.raises(NoRoom, match=r"n3: 64M memory free, needs 128M"):
        moved("n3", full)


def test_moves_are_taken_by_the_app_they_are_about() -> None:
    assert moves_of("shop", {"shop.web.2": "n3", "billing.web.1": "n9"}, FLEET) == {WEB_2: "n3"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"shop.web.9": "n3"}, "moves: shop.web.9 does not run; one of shop.web.1, shop.web.2, shop.web.3"),
        ({"shop.web.2": "n4"}, "moves: shop.web.2 cannot go to n4; one of n1, n2, n3"),
    ],
)
def test_moves_of_what_is_not_there_are_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(FairleadError, match=words):
        moves_of("shop", given, FLEET)


def draining(fleet: Fleet, name: str) -> Fleet:
    nodes = [
        node(it.name, it.memory // 2**20, state=DRAINING if it.name == name else it.state)
        for it in fleet.nodes
    ]
    return Fleet.of(nodes, fleet.instances)


def test_a_node_is_emptied_onto_the_others() -> None:
    found = plan_fleet([SHOP], draining(FLEET, "n1"))
    refuse_homeless("n1", found)
    assert moves("n1", found) == ["  > shop.web.1  to n3", "  > shop.web.2  to n2"]
    assert destinations("n1", found) == {"shop.web.1": "n3", "shop.web.2": "n2"}


def test_a_node_whose_instances_fit_nowhere_else_is_not_emptied_unless_forced() -> None:
    alone = shop(process("web", 3, rules=Rules(constraints=("node == n1",))))
    fleet = draining(FLEET, "n1")
    found = plan_fleet([alone], fleet)
    with pytest.raises(NoRoom, match="-e force=true"):
        refuse_homeless("n1", found)
    assert moves("n1", found) == ["  ! shop.web.1  fits nowhere else", "  ! shop.web.2  fits nowhere else"]
    assert destinations("n1", found) == {}


def test_what_does_not_fit_for_other_reasons_is_no_reason_against_emptying_a_node() -> None:
    larger = shop(process("web", 3), process("batch", 1, memory=2**40))
    refuse_homeless("n1", plan_fleet([larger], draining(FLEET, "n1")))


def test_one_that_runs_on_every_node_only_stops() -> None:
    agent = process("agent", 1, port=None, rules=Rules(mode="global"))
    fleet = Fleet.of([N1, N2], [instance(1, "n1", agent, None), instance(2, "n2", agent, None)])
    found = plan_fleet([shop(agent, hosts={})], draining(fleet, "n1"))
    refuse_homeless("n1", found)
    assert moves("n1", found) == ["  - shop.agent.1  is draining"]
