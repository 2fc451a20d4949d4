# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a fleet on paper: one entry for each, or for all that are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.allotment import (
    Wrong,
    allotment_of,
    check_overcommit,
    check_reserved_for,
    check_system,
    reserved_for,
)
from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Path
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import BUILT_IN, built_in_like
from ansible_collections.fairlead.paas.plugins.module_utils.errors import did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import NODE_STATES, Allotment, Node
from ansible_collections.fairlead.paas.plugins.module_utils.units import SIZE_HELP

from .entries import Entries, Key, Unfit, anything, cores, load, port, size, spelled, text
from .ranges import MOST, expand

NODES: Path = ("nodes",)
_HELP = "nodes by their names, such as n[1:3]: {memory: 16G, cpu: 4}"
_PORTS_HELP = "{first: 25701, last: 26700}, from 1024 to 65535"


def _state(value: Any) -> str:
    if value not in NODE_STATES:
        raise Unfit("is not known", did_you_mean(str(value), NODE_STATES))
    return str(value)


def _ports(value: Any) -> tuple[int, int]:
    if not isinstance(value, dict) or {*value} != {"first", "last"}:
        raise Unfit("is no range of ports", _PORTS_HELP)
    first, last = port(value["first"]), port(value["last"])
    if first > last:
        raise Unfit("is no range of ports", _PORTS_HELP)
    return first, last


def _busy(value: Any) -> frozenset[int]:
    if not isinstance(value, list):
        raise Unfit("is not a list", "ports, such as [25701]")
    return frozenset(port(each) for each in value)


_KEYS = {
    "memory": Key(size, needs=SIZE_HELP),
    "cpu": Key(cores, needs="cores such as 16"),
    "labels": Key(anything),
    "state": Key(_state),
    "reserved_for": Key(anything),
    "system": Key(anything),
    "overcommit": Key(anything),
    "ports": Key(_ports),
    "busy_ports": Key(_busy),
    "free_memory": Key(size),
    "load": Key(load),
    "arch": Key(text),
    "engine_version": Key(text),
}
_CHECKS: dict[str, Callable[[Any], Iterable[Wrong]]] = {
    "reserved_for": check_reserved_for,
    "system": check_system,
    "overcommit": check_overcommit,
}


def read_nodes(entries: Entries, found: Any) -> dict[str, Node]:
    """Return the nodes by their names, as far as they are right."""
    nodes: dict[str, Node] = {}
    for path, key, value in entries.pairs(NODES, found, _HELP):
        names = _names(entries, path, key)
        node = _node(entries, path, value)
        for name in names:
            if name in nodes:
                entries.wrong_key(path, f"has {name}, which stands above already", "each node once")
                break
            nodes[name] = replace(node, name=name, address=name, labels=dict(node.labels))
        if len(nodes) > MOST:
            entries.wrong_key(path, "is one too many", f"at most {MOST} nodes")
            break
    if not nodes:
        entries.wrong(NODES, "has no node", _HELP)
    return nodes


def _names(entries: Entries, path: Path, key: str) -> list[str]:
    try:
        return expand(key)
    except ValueError as error:
        entries.wrong_key(path, "is no name of a node", str(error))
        return []


def _node(entries: Entries, path: Path, value: Any) -> Node:
    taken = entries.take(path, value, _KEYS)
    labels = _labels(entries, (*path, "labels"), taken.pop("labels", {}))
    for key, check in _CHECKS.items():
        if key in taken and entries.wrong_inside((*path, key), check(taken[key])):
            del taken[key]
    memory = taken.pop("memory", Node.memory)
    first, last = taken.pop("ports", (Node.first_port, Node.last_port))
    node = Node(
        name="",
        address="",
        labels=labels,
        memory=memory,
        free_memory=taken.pop("free_memory", memory),
        cpus=taken.pop("cpu", Node.cpus),
        first_port=first,
        last_port=last,
        reserved_for=reserved_for(taken.pop("reserved_for", None)),
        allotment=allotment_of(taken.pop("system", None), taken.pop("overcommit", None)),
    )
    return replace(node, **taken)


def _labels(entries: Entries, path: Path, found: Any) -> dict[str, str]:
    labels = {}
    for at, label, value in entries.pairs(path, found, "labels such as {disk: ssd}"):
        if not isinstance(value, str):
            entries.wrong(at, "is not text", "quotes around it")
        elif built_in_like(label):
            expected = f"another label than {', '.join(BUILT_IN)}"
            entries.wrong_key(at, "is what each machine says of itself", expected)
        else:
            labels[label] = value
    return labels


def written(node: Node) -> dict[str, Any]:
    """Return the entry of one node, without what goes without saying."""
    system, overcommit = _allotted(node.allotment)
    own_ports = (node.first_port, node.last_port) != (Node.first_port, Node.last_port)
    entry: dict[str, Any] = {
        "memory": spelled(node.memory),
        "cpu": node.cpus,
        "labels": node.labels,
        "state": node.state if node.state != Node.state else None,
        "reserved_for": [*node.reserved_for],
        "system": system,
        "overcommit": overcommit,
        "ports": {"first": node.first_port, "last": node.last_port} if own_ports else None,
        "busy_ports": sorted(node.busy_ports),
        "free_memory": spelled(node.free_memory) if node.free_memory != node.memory else None,
        "load": node.load,
        "arch": node.arch,
        "engine_version": node.engine_version,
    }
    return {key: value for key, value in entry.items() if value}


def _allotted(kept: Allotment) -> tuple[dict[str, Any], dict[str, Any]]:
    system = {"memory": spelled(kept.system_memory), "cpu": kept.system_cpu}
    overcommit = {"memory": kept.memory_factor, "cpu": kept.cpu_factor}
    usual = Allotment()
    kept_back = (kept.system_memory, kept.system_cpu) != (usual.system_memory, usual.system_cpu)
    promised = (kept.memory_factor, kept.cpu_factor) != (usual.memory_factor, usual.cpu_factor)
    return system if kept_back else {}, overcommit if promised else {}
