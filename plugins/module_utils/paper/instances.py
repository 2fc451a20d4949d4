# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a fleet on paper. What an instance does not say of itself, its process says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Path, show
from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import parse_name
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Process
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance, Node, Slot, Stored
from ansible_collections.fairlead.paas.plugins.module_utils.units import SIZE_HELP

from .entries import Entries, Key, Unfit, cores, flag, port, size, spelled, text, whole

INSTANCES: Path = ("instances",)
SLOT_HELP = "an instance such as shop.web.1: app, process and number"
_HELP = "instances such as {slot: shop.web.1, node: n1}"
_FEW = 20  # nodes that a message lists; more would hide the message

Processes = Mapping[tuple[str, str], Process]


def parse_slot(written: str) -> Slot:
    """Return the slot in ``shop.web.1``. Raises ValueError with what is expected."""
    try:
        app, process, number = written.split(".")
        named = parse_name(app), parse_name(process)
    except ValueError:
        raise ValueError(SLOT_HELP) from None
    if not (number.isascii() and number.isdecimal()) or number.startswith("0"):
        raise ValueError(SLOT_HELP)
    return Slot(*named, int(number))


def slot_named(written: str) -> Slot:
    """Return the slot that a person names. Raises FairleadError with what is expected."""
    try:
        return parse_slot(written)
    except ValueError as error:
        raise FairleadError(f"{show(written)} is no instance; expected {error}") from None


def _slot(value: Any) -> Slot:
    try:
        return parse_slot(value if isinstance(value, str) else "")
    except ValueError as error:
        raise Unfit("is no instance", str(error)) from error


_KEYS = {
    "slot": Key(_slot, needs=SLOT_HELP),
    "node": Key(text, needs="the node that it stands on"),
    "memory": Key(size),
    "cpu": Key(cores),
    "port": Key(port),
    "spec": Key(text),
    "release": Key(whole),
    "running": Key(flag),
}


def processes_of(configurations: Iterable[Configuration]) -> dict[tuple[str, str], Process]:
    """Return every process by its app and name."""
    return {(each.app, process.name): process for each in configurations for process in each.processes}


def read_instances(
    entries: Entries, found: Any, nodes: Mapping[str, Node], processes: Processes
) -> list[Instance]:
    """Return the instances, as far as they are right."""
    instances: list[Instance] = []
    taken: dict[str, set[int]] = {name: set(node.busy_ports) for name, node in nodes.items()}
    for path, value in entries.items(INSTANCES, found, _HELP):
        keys = entries.take(path, value, _KEYS)
        if not {"slot", "node"} <= {*keys}:
            continue
        if keys["node"] not in nodes:
            entries.wrong((*path, "node"), "is no node of this fleet", _known(keys["node"], nodes))
            continue
        process = processes.get((keys["slot"].app, keys["slot"].process))
        one = _instance(path, keys, process)
        if one is None:
            expected = f"{SIZE_HELP}, for no app says what {keys['slot']} needs"
            entries.problems.append(entries.document.problem((*path, "memory"), "is missing", "", expected))
            continue
        if one.running and one.port in taken[one.node]:
            entries.wrong((*path, "port"), f"is taken on {one.node} already", "a port of its own")
        instances.append(one)
        taken[one.node] |= {one.port} if one.running and one.port else set()
    return [*_with_ports(instances, nodes, processes, taken)]


def _known(name: str, nodes: Collection[str]) -> str:
    return did_you_mean(name, nodes) if len(nodes) <= _FEW else f"one of its {len(nodes)} nodes"


def _instance(path: Path, keys: Mapping[str, Any], process: Process | None) -> Instance | None:
    """Return an instance; None if nobody says what memory it has."""
    if process is None and "memory" not in keys:
        return None
    memory, cpu = (process.spec.memory, process.spec.cpu) if process else (keys["memory"], 0.0)
    return Instance(
        slot=keys["slot"],
        node=keys["node"],
        container=f"{keys['slot']}, {path[-1]}",  # no two entries are the same container
        name=str(keys["slot"]),
        release=keys.get("release", 0),
        image=process.spec.image if process else "",
        spec=keys.get("spec", ""),
        memory=keys.get("memory", memory),
        cpu=keys.get("cpu", cpu),
        port=keys.get("port"),
        running=keys.get("running", True),
    )


def _with_ports(
    instances: Iterable[Instance],
    nodes: Mapping[str, Node],
    processes: Processes,
    taken: Mapping[str, set[int]],
) -> Iterable[Instance]:
    """Yield instances, each with the lowest free port of its node if its process has one and none is said."""
    free = {name: iter(range(node.first_port, node.last_port + 1)) for name, node in nodes.items()}
    for one in instances:
        process = processes.get((one.slot.app, one.slot.process))
        if one.port is None and process and process.spec.port:
            lowest = next((it for it in free[one.node] if it not in taken[one.node]), None)
            yield replace(one, port=lowest)
        else:
            yield one


def volumes_of(instances: Iterable[Instance], processes: Processes) -> Iterator[Stored]:
    """Yield the volumes that bind instances to where they stand: on paper each has those of its process."""
    for one in instances:
        process = processes.get((one.slot.app, one.slot.process))
        for name in process.spec.binding if process else ():
            yield Stored(one.slot, name, one.node)


def written(instance: Instance, process: Process | None) -> dict[str, Any]:
    """Return the entry of one instance, without what its process says anyway."""
    entry = {
        "slot": str(instance.slot),
        "node": instance.node,
        "memory": None if process and instance.memory == process.spec.memory else spelled(instance.memory),
        "cpu": None if process and instance.cpu == process.spec.cpu else instance.cpu,
        "port": instance.port,
        "spec": instance.spec,
        "release": instance.release,
    }
    stopped = {} if instance.running else {"running": False}
    return {key: value for key, value in entry.items() if value} | stopped
