# SPDX-License-Identifier: GPL-3.0-or-later
"""What one node has left. The board takes from it and gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import LOST, Node

from .shape import Key, Ref, Shape, millicores

if TYPE_CHECKING:
    from .board import Board

Holders = dict[str | int, int]  # container, or the number of a new instance -> slot number


class Room:
    """What one node still has to give, and who stands on it.

    A port that was ever in use stays taken: a replaced instance must be able to come back to its own.
    ``version`` grows with every change, so that whoever has kept a score knows whether it still holds.
    """

    __slots__ = (
        "_closed",
        "_measured",
        "_next_port",
        "board",
        "facts",
        "free_ports",
        "held",
        "index",
        "memory",
        "millicores",
        "name",
        "node",
        "shunned",
        "total_memory",
        "total_millicores",
        "version",
    )

    def __init__(self, node: Node, index: int, board: Board) -> None:
        """Start with the whole node; ``index`` is its place among all nodes by name."""
        self.node, self.name, self.index, self.board = node, node.name, index, board
        self.facts = node.facts
        gives = node.state != LOST
        self.memory = node.memory_for_instances if gives else 0
        self.millicores = millicores(node.cpus_for_instances) if gives else 0
        self.total_memory, self.total_millicores = max(self.memory, 1), max(self.millicores, 1)
        self.held: dict[Key, Holders] = {}
        # Whom those who stand here do not want beside them: whom -> by whom -> how many of them.
        self.shunned: dict[Ref, dict[Key, int]] = {}
        self.version = 0
        self._measured = (self.memory, self.millicores)
        self._closed = {port for port in node.busy_ports if node.first_port <= port <= node.last_port}
        self._next_port = node.first_port
        self.free_ports = node.last_port - node.first_port + 1 - len(self._closed)

    @property
    def used(self) -> float:
        """The share that is reserved of memory or cpu, whichever is the greater; 1 is full."""
        memory = 1 - self.memory / self.total_memory
        cpu = 1 - self.millicores / self.total_millicores
        return memory if memory > cpu else cpu  # noqa: FURB136 - read a million times: max() takes twice as long

    @property
    def free_memory(self) -> int:
        """Bytes measured as free, less what has been placed since."""
        return self.node.free_memory + self.memory - self._measured[0]

    @property
    def load(self) -> float:
        """The measured load and what has been placed since, in millicores for each core."""
        placed = self._measured[1] - self.millicores
        return (self.node.load * 1000 + placed) / max(self.node.cpus, 0.001)

    def holds(self, shape: Shape) -> set[int]:
        """Return the slot numbers of a process on this node; an old and a new one of a slot count once."""
        return set(self.held.get(shape.key, {}).values())

    def port(self) -> int | None:
        """Return the lowest free port of the node's range, or None."""
        while self._next_port in self._closed:
            self._next_port += 1
        return self._next_port if self._next_port <= self.node.last_port else None

    def open_port(self) -> int | None:
        """Return the lowest free port, for one that has been placed and counted; it is no longer free."""
        port = self.port()
        if port is not None:
            self._closed.add(port)
        return port

    def close_port(self, port: int | None) -> None:
        """Count a port as taken that an observed instance has."""
        if port is not None and port not in self._closed:
            self._closed.add(port)
            self.free_ports -= self.node.first_port <= port <= self.node.last_port

    def measure(self) -> None:
        """Take what is reserved now as what the node's measurements already include."""
        self._measured = (self.memory, self.millicores)
