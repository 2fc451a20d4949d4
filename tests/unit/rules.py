# SPDX-License-Identifier: GPL-3.0-or-later
"""The hard rules once more, as plainly as can be, to check plans with: no code of placement is used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Rules
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import parse_constraint
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node, Slot

Key = tuple[str, str]


class Stands(NamedTuple):
    """One slot on a node; ``new``: it was not there before."""

    slot: Slot
    node: str
    new: bool = False

    @property
    def key(self) -> Key:
        """App and process."""
        return self.slot.app, self.slot.process


def rules_of(configurations: Iterable[Configuration], fleet: Fleet) -> dict[Key, Rules]:
    """Return the rules of all processes."""
    own = {(it.app, process.name): process.rules for it in configurations for process in it.processes}
    return {**fleet.rules, **own}


def standing(instances: Iterable[Instance], before: Fleet) -> list[Stands]:
    """Return what stands where; new is what was not observed before under its container's name."""
    known = {one.container for one in before.instances}
    return [Stands(one.slot, one.node, one.container not in known) for one in instances]


def broken(all_stand: Collection[Stands], rules: Mapping[Key, Rules], fleet: Fleet, app: str) -> list[str]:
    """Return every hard rule that the placement of one app breaks, in words."""
    nodes = {node.name: node for node in fleet.nodes}
    return [
        f"{one.slot} on {one.node}: {why}"
        for one in all_stand
        if one.slot.app == app
        for why in [
            *_node_refuses(one, nodes[one.node], rules[one.key]),
            *_counts(one, all_stand, rules[one.key], nodes),
            *_company(one, all_stand, rules, nodes),
        ]
    ]


def skewed(all_stand: Collection[Stands], rules: Mapping[Key, Rules], fleet: Fleet, app: str) -> list[str]:
    """Return where something new was placed on a value that has too many more than another."""
    nodes = {node.name: node for node in fleet.nodes}
    found = []
    for key, rule in rules.items():
        if key[0] != app or rule.max_skew is None or rule.spread is None:
            continue
        open_to = [
            node
            for node in fleet.nodes
            if not [*_node_refuses(Stands(Slot(*key, 1), "", new=True), node, rule)]
        ]
        values = {node.labels.get(rule.spread) for node in open_to} - {None}
        mine = [one for one in all_stand if one.key == key]
        counts = {
            value: sum(nodes[one.node].labels.get(rule.spread) == value for one in mine) for value in values
        }
        touched = {nodes[one.node].labels.get(rule.spread) for one in mine if one.new}
        found += [
            f"{key} {value}: {counts}"
            for value in touched
            if value is None or counts[value] - min(counts.values()) > rule.max_skew
        ]
    return found


def _node_refuses(one: Stands, node: Node, rule: Rules) -> Iterator[str]:
    if node.state in ("draining", "lost") or (one.new and node.state == "cordoned"):
        yield node.state
    if node.reserved_for and one.slot.app not in node.reserved_for:
        yield f"reserved for {node.reserved_for}"
    for text in rule.constraints:
        if not parse_constraint(text).allows(node.facts):
            yield text


def _counts(
    one: Stands, all_stand: Collection[Stands], rule: Rules, nodes: Mapping[str, Node]
) -> Iterator[str]:
    mine = [other for other in all_stand if other.key == one.key]
    if rule.max_per_node is not None and sum(it.node == one.node for it in mine) > rule.max_per_node:
        yield f"more than {rule.max_per_node}"
    for label, most in rule.max_per.items():
        value = nodes[one.node].labels.get(label)
        if value is None or sum(nodes[it.node].labels.get(label) == value for it in mine) > most:
            yield f"more than {most} in {label} {value}"


def _company(
    one: Stands, all_stand: Collection[Stands], rules: Mapping[Key, Rules], nodes: Mapping[str, Node]
) -> Iterator[str]:
    rule = rules[one.key]
    if rule.apart and rule.apart_per and rule.apart_per not in nodes[one.node].labels:
        yield f"no {rule.apart_per}"
    for other in all_stand:
        if other.key == one.key:
            continue
        for owner, them in ((one, other), (other, one)):
            said = rules.get(owner.key, Rules())
            if any(_means(name, owner.key, them.key) for name in said.apart) and _near(
                owner, them, said, nodes
            ):
                yield f"{owner.slot} is apart from {them.slot} on {them.node}"
    for name in rule.together:
        there = [it for it in all_stand if it.node == one.node and it.key != one.key]
        if not any(_means(name, one.key, it.key) for it in there):
            yield f"no {name}"


def _means(name: str, owner: Key, key: Key) -> bool:
    return key[0] != owner[0] if name == "*" else name in (key[0], f"{key[0]}/{key[1]}")


def _near(owner: Stands, them: Stands, rule: Rules, nodes: Mapping[str, Node]) -> bool:
    if rule.apart_per is None:
        return owner.node == them.node
    value = nodes[owner.node].labels.get(rule.apart_per)
    return value is not None and nodes[them.node].labels.get(rule.apart_per) == value
