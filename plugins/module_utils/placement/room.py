# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has left, and what an instance asks of it. Cpu is counted in whole thousandths of a core."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Process
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import Constraint, parse_constraint
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node, Slot


def millicores(cpu: float) -> int:
    """Return cores as whole thousandths: sums of these do not drift, whatever their order."""
    return round(cpu * 1000)


@dataclass(frozen=True)
class Shape:
    """What every instance of one process asks of its node. Memory in bytes."""

    app: str
    process: str
    memory: int
    millicores: int
    wants_port: bool
    constraints: tuple[Constraint, ...]
    max_per_node: int | None
    strategy: str

    def __str__(self) -> str:
        """Return ``shop.web``."""
        return f"{self.app}.{self.process}"

    @classmethod
    def of(cls, app: str, process: Process) -> Shape:
        """Return the shape of a process. Raises ValueError for a constraint that does not parse."""
        return cls(
            app=app,
            process=process.name,
            memory=process.spec.memory,
            millicores=millicores(process.spec.cpu),
            wants_port=process.spec.port is not None,
            constraints=tuple(parse_constraint(text) for text in process.rules.constraints),
            max_per_node=process.rules.max_per_node,
            strategy=process.rules.strategy,
        )


class Room:
    """What one node still has to give; placing takes from it, stopping gives back.

    A port that was ever in use stays taken: a replaced instance must be able to come back to its own.
    """

    def __init__(self, node: Node) -> None:
        """Start with the whole node."""
        self.node = node
        self.memory = node.memory
        self.millicores = millicores(node.cpus)
        self._measured_at = (self.memory, self.millicores)
        self._held: dict[tuple[str, str], dict[str, int]] = {}
        self._ports = set(node.busy_ports)
        self._next_port = node.first_port

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def used(self) -> float:
        """The share that is reserved of memory or cpu, whichever is the greater; 1 is full."""
        memory = 1 - self.memory / max(self.node.memory, 1)
        cpu = 1 - self.millicores / max(millicores(self.node.cpus), 1)
        return max(memory, cpu)

    @property
    def free_memory(self) -> int:
        """Bytes measured as free, less what has been placed since."""
        return self.node.free_memory + self.memory - self._measured_at[0]

    @property
    def load(self) -> float:
        """The measured load and what has been placed since, in millicores for each core."""
        placed = self._measured_at[1] - self.millicores
        return (self.node.load * 1000 + placed) / max(self.node.cpus, 0.001)

    def holds(self, shape: Shape) -> set[int]:
        """Return the slot numbers of a process on this node; an old and a new one of a slot count once."""
        return set(self._held.get((shape.app, shape.process), {}).values())

    def port(self) -> int | None:
        """Return the lowest free port of the node's range, or None."""
        while self._next_port in self._ports:
            self._next_port += 1
        return self._next_port if self._next_port <= self.node.last_port else None

    def take(self, slot: Slot, shape: Shape) -> int | None:
        """Reserve what a new instance asks for, and return its port if it wants one."""
        self._reserve(slot, f"new {slot}", shape.memory, shape.millicores)
        port = self.port() if shape.wants_port else None
        self._close(port)
        return port

    def add(self, instance: Instance) -> None:
        """Reserve what an observed instance holds."""
        self._reserve(instance.slot, instance.container, instance.memory, millicores(instance.cpu))
        self.add_port(instance)

    def add_port(self, instance: Instance) -> None:
        """Reserve the port only, of an instance that is not running and will not run again."""
        self._close(instance.port)

    def drop(self, instance: Instance) -> None:
        """Give back all but the port of an observed instance."""
        self.memory += instance.memory
        self.millicores += millicores(instance.cpu)
        self._held[instance.slot.app, instance.slot.process].pop(instance.container, None)

    def measure(self) -> None:
        """Take what is reserved now as what the node's measurements already include."""
        self._measured_at = (self.memory, self.millicores)

    def _reserve(self, slot: Slot, holder: str, memory: int, cpu: int) -> None:
        self.memory -= memory
        self.millicores -= cpu
        self._held.setdefault((slot.app, slot.process), {})[holder] = slot.number

    def _close(self, port: int | None) -> None:
        if port is not None:
            self._ports.add(port)


Rooms = dict[str, Room]


def rooms_of(fleet: Fleet, gone: Collection[str] = ()) -> Rooms:
    """Return the room on every node, less what the observed instances of all apps hold.

    Containers that are ``gone`` hold nothing but their port.
    """
    rooms = {node.name: Room(node) for node in fleet.nodes}
    for instance in fleet.instances:
        room = rooms.get(instance.node)
        if room and instance.container in gone:
            room.add_port(instance)
        elif room:
            room.add(instance)
    for room in rooms.values():
        room.measure()
    return rooms
