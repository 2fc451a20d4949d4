# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan claims, and how it makes way for the claims of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Process,
    Rules,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.bid import around, room, wants
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import plan

MIB = 2**20
SPEC = Spec(image="registry:5000/shop@sha256:1", port=8080, memory=300 * MIB, cpu=0.5)
SHOP = Configuration("shop", (Process("web", 2, SPEC, Rules(max_per_node=1)),))
NODES = [Node(name, f"10.0.0.{n}", cpus=2, memory=1024 * MIB) for n, name in enumerate(("n1", "n2"), 1)]
EMPTY = Fleet.of(NODES, [])


def claim(node: str, port: int | None, memory: int = 64 * MIB) -> dict[str, Any]:
    return {"app": "blog", "slot": "blog.web.1", "node": node, "port": port, "memory": memory, "cpu": 0.1}


def test_a_plan_wants_what_it_starts() -> None:
    assert wants(plan(SHOP, EMPTY, None, 1)) == [
        {"slot": "shop.web.1", "node": "n1", "port": 25701, "memory": 300 * MIB, "cpu": 0.5},
        {"slot": "shop.web.2", "node": "n2", "port": 25701, "memory": 300 * MIB, "cpu": 0.5},
    ]


def test_it_leaves_what_neither_runs_nor_starts() -> None:
    assert room(plan(SHOP, EMPTY, None, 1), EMPTY) == {
        "n1": {"memory": 724 * MIB, "cpu": 1.5},
        "n2": {"memory": 724 * MIB, "cpu": 1.5},
    }


def test_a_plan_around_a_claim_takes_another_port() -> None:
    made = plan(SHOP, around([claim("n1", 25701)], EMPTY), None, 1)
    assert sorted((want["node"], want["port"]) for want in wants(made)) == [("n1", 25702), ("n2", 25701)]


def test_a_plan_around_a_claim_leaves_it_its_memory() -> None:
    with pytest.raises(NoRoom):
        plan(SHOP, around([claim("n1", None, 800 * MIB)], EMPTY), None, 1)


def test_a_claim_whose_instance_is_seen_counts_once() -> None:
    there = Instance(
        Slot("blog", "web", 1), "n1", "id", "blog.web.1-v1", 1, "image", "spec", 64 * MIB, 0.1, port=25701
    )
    fleet = replace(EMPTY, instances=(there,))
    assert around([claim("n1", 25701)], fleet) == fleet


def test_a_plan_that_only_keeps_wants_nothing() -> None:
    made = plan(SHOP, EMPTY, None, 1)
    there = [action.new for action in made.actions if action.new]
    again = plan(SHOP, Fleet.of(NODES, there), (1, SHOP.hash()), 2)
    assert wants(again) == []
