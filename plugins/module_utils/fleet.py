# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as observed at one moment: the nodes, and the instances that run on them."""

from __future__ import annotations

from dataclasses import dataclass, field


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


@dataclass(frozen=True)
class Fleet:
    """All nodes as observed now, sorted by name, and all instances on them, of every app."""

    nodes: tuple[Node, ...]
    instances: tuple[Instance, ...] = ()

    def of_app(self, app: str) -> tuple[Instance, ...]:
        """Return the instances of one app, sorted by slot."""
        return tuple(sorted(i for i in self.instances if i.slot.app == app))

    def on(self, node: str) -> tuple[Instance, ...]:
        """Return the instances on one node, sorted by slot."""
        return tuple(sorted(i for i in self.instances if i.node == node))
