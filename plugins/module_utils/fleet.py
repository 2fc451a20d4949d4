# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as observed at one moment: the nodes, and the instances that run on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # machines read slots and instances, and would compile all that a release is
    from .configuration import Rules

_SLOT = ("app", "process", "number")
_FACTS = ("cpus", "memory", "free_memory", "load", "arch")


@dataclass(frozen=True, order=True)
class Slot:
    """The numbered place of one instance: ``shop.web.1``."""

    app: str
    process: str
    number: int

    def __str__(self) -> str:
        """Return ``shop.web.1``."""
        return f"{self.app}.{self.process}.{self.number}"


@dataclass(frozen=True, order=True)
class Instance:
    """One container of the platform, as its node shows it. Sizes in bytes, cpu in cores."""

    slot: Slot
    node: str
    container: str  # the engine's id
    name: str  # the container's name
    release: int
    image: str  # REGISTRY/APP@sha256:…
    spec: str  # hash of all that makes the container what it is
    memory: int
    cpu: float
    port: int | None  # on the node's private address
    running: bool = True
    drift: tuple[str, ...] = ()  # what someone changed by hand, in words

    @classmethod
    def from_look(cls, node: str, seen: Mapping[str, Any]) -> Instance:
        """Return one of the instances that ``look`` reports of a node."""
        rest = {key: value for key, value in seen.items() if key not in _SLOT}
        slot = Slot(*(seen[key] for key in _SLOT))
        return cls(slot=slot, node=node, **rest | {"drift": tuple(seen["drift"])})


@dataclass(frozen=True, order=True)
class Leftover:
    """A container in which a killed run's release command ran, or still does; it is no instance."""

    app: str
    node: str
    container: str


@dataclass(frozen=True, order=True)
class Stored:
    """A volume of an instance that is kept on a node. ``created``: seconds since 1970."""

    slot: Slot
    name: str  # in the app file
    node: str
    created: int = 0

    @classmethod
    def from_look(cls, node: str, seen: Mapping[str, Any]) -> Stored:
        """Return one of the volumes that ``look`` reports of a node."""
        return cls(Slot(*(seen[key] for key in _SLOT)), seen["name"], node, seen["created"])


ACTIVE, CORDONED, DRAINING, LOST = NODE_STATES = ("active", "cordoned", "draining", "lost")
"""Takes instances; takes nothing new; is to be emptied; cannot be reached, and is planned without."""


@dataclass(frozen=True)
class Allotment:
    """What of a machine instances get: what it measures, less the system's part, times a factor."""

    system_memory: int = 0  # bytes
    system_cpu: float = 0.0  # cores
    memory_factor: float = 1.0
    cpu_factor: float = 1.0


@dataclass(frozen=True)
class Node:
    """A machine that runs instances. Memory in bytes, cpus in cores, load as the 1 minute average."""

    name: str
    address: str
    labels: dict[str, str] = field(default_factory=dict)
    cpus: float = 1.0
    memory: int = 2**30
    free_memory: int = 2**30
    load: float = 0.0
    first_port: int = 25701
    last_port: int = 26700
    busy_ports: frozenset[int] = frozenset()  # listened on by anything that is not ours
    arch: str = ""
    engine_version: str = ""
    state: str = ACTIVE
    reserved_for: tuple[str, ...] = ()  # apps; no other may stand here
    allotment: Allotment = Allotment()

    @property
    def facts(self) -> dict[str, str]:
        """Return what expressions of app files are about: labels, and what the machine says of itself."""
        facts = {**self.labels, "node": self.name}
        if self.arch:
            facts["arch"] = self.arch
        if self.engine_version:
            facts["engine_version"] = self.engine_version
        return facts

    @property
    def memory_for_instances(self) -> int:
        """Return the bytes that may be reserved here in all."""
        kept = self.memory - self.allotment.system_memory
        return max(0, int(kept * self.allotment.memory_factor))

    @property
    def cpus_for_instances(self) -> float:
        """Return the cores that may be reserved here in all."""
        kept = self.cpus - self.allotment.system_cpu
        return max(0.0, kept * self.allotment.cpu_factor)

    @classmethod
    def from_look(
        cls,
        name: str,
        address: str,
        labels: Mapping[str, str],
        ports: Mapping[str, int],
        seen: Mapping[str, Any],
    ) -> Node:
        """Return a node of the inventory with the facts that ``look`` reports of it."""
        return cls(
            name=name,
            address=address,
            labels=dict(labels),
            first_port=ports.get("first", cls.first_port),
            last_port=ports.get("last", cls.last_port),
            busy_ports=frozenset(seen["busy_ports"]),
            # Debian's own part of a version is of no use in comparisons: 20.10.24+dfsg1.
            engine_version=seen["engine_version"].partition("+")[0],
            **{fact: seen[fact] for fact in _FACTS},
        )


@dataclass(frozen=True)
class Fleet:
    """All nodes as observed now, sorted by name, and all instances and leftovers on them, of every app.

    ``rules``: by app and process, those of what runs, as far as they bind others too. ``volumes``: of all
    slots, also of those that nothing runs in.
    """

    nodes: tuple[Node, ...]
    instances: tuple[Instance, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    rules: Mapping[tuple[str, str], Rules] = field(default_factory=dict)
    volumes: tuple[Stored, ...] = ()

    @classmethod
    def of(
        cls,
        nodes: Iterable[Node],
        instances: Iterable[Instance],
        leftovers: Iterable[Leftover] = (),
        rules: Mapping[tuple[str, str], Rules] | None = None,
        volumes: Iterable[Stored] = (),
    ) -> Fleet:
        """Return the fleet of these nodes, instances, leftovers and volumes, each sorted."""
        return cls(
            tuple(sorted(nodes, key=lambda node: node.name)),
            tuple(sorted(instances)),
            tuple(sorted(leftovers)),
            dict(rules or {}),
            tuple(sorted(volumes)),
        )

    def of_app(self, app: str) -> tuple[Instance, ...]:
        """Return the instances of one app, sorted by slot."""
        return tuple(sorted(i for i in self.instances if i.slot.app == app))

    def on(self, node: str) -> tuple[Instance, ...]:
        """Return the instances on one node, sorted by slot."""
        return tuple(sorted(i for i in self.instances if i.node == node))
