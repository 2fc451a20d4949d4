# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a node: what the engine and the kernel say of it, and every container of the platform on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from . import machine, volumes
from .arguments import NETWORK, RESTART_POLICY, UNPROVEN, limits, name_pattern
from .client import Engine
from .engine import saying, unless_gone
from .work import own_name

_FIRST_OPEN = 1024  # of the ports that an instance may be published on
# What a limit is called, and how its value is written. Limits that no label promises are constants of ours.
_WORDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "Memory": ("memory", lambda size: format_size(size or 0)),
    "MemorySwap": ("memory with swap", lambda size: format_size(size or 0)),
    "MemoryReservation": ("memory reservation", lambda size: format_size(size or 0)),
    "CpuShares": ("cpu shares", str),
    "NanoCpus": ("cpu limit", lambda cpus: f"{(cpus or 0) / 1e9:g}"),
    "CpuQuota": ("cpu quota", str),
    "CpuPeriod": ("cpu period", str),
    "CpusetCpus": ("cpu set", lambda cpus: str(cpus or "any")),
    "CpusetMems": ("memory nodes", lambda nodes: str(nodes or "any")),
    "BlkioWeight": ("disk weight", str),
    "PidsLimit": ("pids limit", lambda pids: str(pids or "none")),
}
# Limits that an engine leaves out where its kernel lacks them; it says so of itself.
_MAY_LACK = {
    "Memory": "MemoryLimit",
    "MemorySwap": "SwapLimit",
    "CpuShares": "CPUShares",
    "PidsLimit": "PidsLimit",
}


class Strange(ValueError):
    """A container carries our app label, but its other labels do not say an instance."""


def look(engine: Engine, app: str, first_port: int, last_port: int) -> dict[str, Any]:
    """Return ``node``, ``instances``, ``volumes``, ``strange`` and ``leftovers``, as the module ``look``.

    Only the app's own containers are inspected: a look must not take longer for what else is on the node.
    Raises EngineError.
    """
    with saying("the Docker engine of this machine does not answer"):
        info = engine.info()
        listed = engine.containers(all=True)
    ours, foreign = _parted(listed)
    instances, strange = _instances(engine, app, ours, enforced(info))
    busy = busy_ports(machine.listened_ports(), ours, foreign)
    node = {
        "cpus": float(info["NCPU"]),
        "memory": info["MemTotal"],
        "free_memory": machine.free_memory(),
        "load": machine.load(),
        "busy_ports": sorted(port for port in busy if first_port <= port <= last_port or port >= _FIRST_OPEN),
        "engine_version": info["ServerVersion"],
        "arch": info["Architecture"],
    }
    return {
        "node": node,
        "instances": instances,
        "volumes": volumes.seen(engine),
        "strange": strange,
        "leftovers": _leftovers(foreign),
    }


def instance(inspected: Mapping[str, Any], limited: frozenset[str]) -> dict[str, Any]:
    """Return an inspected container as plain data: what its labels promise, whether it runs, what drifted.

    A restarting container does not run: it died, and holds its port only at times. A paused one runs: it
    holds its port and its memory; that it is paused is drift. Raises Strange.
    """
    state, name = inspected["State"], inspected["Name"].removeprefix("/")
    runs = bool(state["Running"]) and not state["Restarting"]
    found = _promised(inspected["Config"]["Labels"], inspected["Id"], name, runs=runs)
    promised = {k: v for k, v in limits(found["memory"], found["cpu"]).items() if k in limited}
    slot = Slot(found["app"], found["process"], found["number"])
    return found | {"drift": drift(inspected, slot, found["release"], promised)}


def listed_instance(listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same of a container that was only listed: nothing is said of its drift. Raises Strange."""
    runs = listed["State"] in {"running", "paused"}
    return _promised(listed["Labels"], listed["Id"], own_name(listed), runs=runs) | {"drift": []}


def _promised(given: Mapping[str, str], container: str, name: str, *, runs: bool) -> dict[str, Any]:
    return {
        "app": _text(given, labels.APP),
        "process": _text(given, labels.PROCESS),
        "number": _number(given, labels.SLOT),
        "container": container,
        "name": name,
        "release": _number(given, labels.RELEASE),
        "image": _text(given, labels.IMAGE),
        "spec": _text(given, labels.SPEC),
        "memory": _number(given, labels.MEMORY),
        "cpu": _cores(given),
        "port": _number(given, labels.PORT) if labels.PORT in given else None,
        "running": runs,
    }


def drift(inspected: Mapping[str, Any], slot: Slot, release: int, promised: Mapping[str, Any]) -> list[str]:
    """Return in words what someone changed by hand; nothing else about a container can change."""
    host, name = inspected["HostConfig"], inspected["Name"].removeprefix("/")
    networks = set(inspected["NetworkSettings"]["Networks"] or {})
    return [
        *_changed_limits(host, promised),
        *_changed_policy(host["RestartPolicy"]["Name"] or UNPROVEN),
        *(
            []
            if name_pattern(slot, release).fullmatch(name)
            else [f"name is {name}, released as {slot}-v{release}"]
        ),
        *([] if NETWORK in networks else [f"network {NETWORK} is disconnected"]),
        *(f"network {network} is connected, released without it" for network in sorted(networks - {NETWORK})),
        *(["is paused"] if inspected["State"].get("Paused") else []),
    ]


def enforced(info: Mapping[str, Any]) -> frozenset[str]:
    """Return the limits that this engine can keep, from what it says of itself."""
    return frozenset(name for name in _WORDS if info.get(_MAY_LACK.get(name, ""), True))


def busy_ports(
    listened: Iterable[int], ours: Iterable[Mapping[str, Any]], foreign: Iterable[Mapping[str, Any]]
) -> set[int]:
    """Return the ports held by anything but the platform; ``ours`` and ``foreign`` as the engine lists them.

    Depending on the engine's version and settings, a published port shows as a listener or does not.
    """
    return (set(listened) - _published(ours)) | _published(foreign)


def _parted(listed: Iterable[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    ours: list[dict[str, Any]] = []
    foreign: list[dict[str, Any]] = []
    for container in listed:
        (ours if labels.APP in (container["Labels"] or {}) else foreign).append(container)
    return ours, foreign


def _published(listed: Iterable[Mapping[str, Any]]) -> set[int]:
    return {port["PublicPort"] for container in listed for port in container["Ports"] if "PublicPort" in port}


def _leftovers(listed: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    tasks = {container["Id"]: container["Labels"] or {} for container in listed}
    return [
        {"app": given[labels.TASK], "container": container}
        for container, given in sorted(tasks.items())
        if labels.TASK in given
    ]


def _instances(
    engine: Engine, app: str, listed: Iterable[Mapping[str, Any]], limited: frozenset[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    instances: list[dict[str, Any]] = []
    strange: list[str] = []
    for container in listed:
        try:
            if container["Labels"][labels.APP] != app:
                instances.append(listed_instance(container))
                continue
            with unless_gone(f"container {container['Id']} cannot be inspected"):
                instances.append(instance(engine.inspect_container(container["Id"]), limited))
        except Strange as error:
            strange.append(f"container {own_name(container)}: {error}")
    return sorted(instances, key=_by_slot), sorted(strange)


def _by_slot(found: Mapping[str, Any]) -> tuple[str, str, int, str]:
    return found["app"], found["process"], found["number"], found["name"]


def _changed_limits(host: Mapping[str, Any], promised: Mapping[str, Any]) -> list[str]:
    changed = []
    for name, wanted in promised.items():
        found = host.get(name)
        if (found or 0) != (wanted or 0):
            word, written = _WORDS[name]
            changed.append(f"{word} is {written(found)}, released with {written(wanted)}")
    return changed


def _changed_policy(policy: str) -> list[str]:
    if policy == UNPROVEN:
        return [f"was never seen healthy: restart policy is {UNPROVEN}, released with {RESTART_POLICY}"]
    return [] if policy == RESTART_POLICY else [f"restart policy is {policy}, released with {RESTART_POLICY}"]


def _text(given: Mapping[str, str], label: str) -> str:
    if not given.get(label):
        raise Strange(f"the label {label} is missing")
    return given[label]


def _number(given: Mapping[str, str], label: str) -> int:
    text = _text(given, label)
    if not (text.isascii() and text.isdecimal()):
        raise Strange(f"the label {label} is {text!r}, expected a whole number")
    return int(text)


def _cores(given: Mapping[str, str]) -> float:
    text = _text(given, labels.CPU)
    try:
        cores = float(text)
    except ValueError:
        cores = -1
    if not 0 <= cores < float("inf"):
        raise Strange(f"the label {labels.CPU} is {text!r}, expected a number of cores")
    return cores
