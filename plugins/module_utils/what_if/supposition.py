# SPDX-License-Identifier: GPL-3.0-or-later
"""What is supposed to be otherwise: nodes that are gone, nodes that are new, another scale."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count, islice

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import ACTIVE, LOST, Fleet, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.wanted import scale_of, scaled

WITHOUT_HELP = "a node such as n3, or all with a label: zone=a"
ADD_HELP = "so many nodes like one that is there: 2x n1"
SCALE_HELP = "a process and its scale: shop.web=12"

_FEW = 20  # names that a message lists
_MOST = 10_000
_ADDED = re.compile(r"(?:([1-9][0-9]{0,4})\s*x\s*)?(\S+)", re.ASCII)
_SCALED = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)=([0-9]+)", re.ASCII)


def without(fleet: Fleet, given: Iterable[str]) -> Fleet:
    """Return the fleet with some nodes lost. Raises FairleadError for what names none."""
    gone = {name for text in given for name in named(fleet, text)}
    nodes = (replace(node, state=LOST) if node.name in gone else node for node in fleet.nodes)
    return replace(fleet, nodes=tuple(nodes))


def named(fleet: Fleet, text: str) -> list[str]:
    """Return the nodes that ``n3`` or ``zone=a`` means. Raises FairleadError if that is none."""
    label, equals, value = text.partition("=")
    if not equals:
        _known(text, [node.name for node in fleet.nodes], "is no node")
        return [text]
    values = values_of(fleet, label)
    _known(value, values, f"is no {label} of any node")
    return values[value]


def values_of(fleet: Fleet, label: str) -> dict[str, list[str]]:
    """Return value → nodes of a label or fact, sorted. Raises FairleadError if no node has it."""
    _known(label, {name for node in fleet.nodes for name in node.facts}, "is no label of any node")
    values: dict[str, list[str]] = {}
    for node in fleet.nodes:
        if (value := node.facts.get(label)) is not None:
            values.setdefault(value, []).append(node.name)
    return dict(sorted(values.items()))


def added(fleet: Fleet, given: Iterable[str]) -> Fleet:
    """Return the fleet with more nodes, empty ones, each like one that is there. Raises FairleadError."""
    nodes = {node.name: node for node in fleet.nodes}
    for text in given:
        match = _ADDED.fullmatch(text.strip())
        if match is None or int(match[1] or 1) > _MOST:
            raise FairleadError(f"--add {text}: is not known; expected {ADD_HELP}")
        _known(match[2], [node.name for node in fleet.nodes], "is no node")
        for node in islice(_alike(nodes[match[2]], nodes), int(match[1] or 1)):
            nodes[node.name] = node
    return replace(fleet, nodes=tuple(sorted(nodes.values(), key=lambda node: node.name)))


def moved(fleet: Fleet, places: Mapping[Slot, str]) -> Fleet:
    """Return the fleet with some instances on other nodes, without the ports that they had."""
    instances = (
        replace(one, node=places[one.slot], port=None) if one.slot in places else one
        for one in fleet.instances
    )
    return replace(fleet, instances=tuple(instances))


def rescaled(configurations: Mapping[str, Configuration], given: Iterable[str]) -> dict[str, Configuration]:
    """Return the configurations with other scales. Raises FairleadError for what is no scale of a process."""
    found = dict(configurations)
    for text in given:
        match = _SCALED.fullmatch(text.strip())
        if match is None:
            raise FairleadError(f"--scale {text}: is not known; expected {SCALE_HELP}")
        app, process, number = match.groups()
        _known(app, found, "is no app that runs")
        found[app] = scaled(found[app], {process: scale_of(process, number)})
    return found


def _alike(node: Node, known: Collection[str]) -> Iterator[Node]:
    """Yield nodes like one, empty and active, under names that nothing has."""
    names = (f"{node.name}-new{number}" for number in count(1))
    for name in (name for name in names if name not in known):
        yield replace(
            node,
            name=name,
            address=name,
            state=ACTIVE,
            free_memory=node.memory,
            load=0.0,
            busy_ports=frozenset(),
        )


def _known(name: str, known: Collection[str], problem: str) -> None:
    if name in known:
        return
    expected = did_you_mean(name, known) if len(known) <= _FEW else f"one of {len(known)}"
    raise FairleadError(f'"{name}" {problem}; expected {expected}')
