# SPDX-License-Identifier: GPL-3.0-or-later
"""What one node has left. The board takes from it and gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import LOST, Node

from .shape import Key, Ref, Shape, millicores

if TYPE_CHECKING:
    from .board import Board

Holders = dict[str | int, int]  # container, or the number of a new instance -> slot number

_BITS = 24
INDEX = (1 << _BITS) - 1
"""The bits of a rank that are the index of the room."""
_WHOLE = 1 << 32  # what shares and loads are counted in: a rank has no fractions


class Room:
    """What one node still has to give, and who stands on it.

    A port that was ever in use stays taken: a replaced instance must be able to come back to its own.

    Ranks are whole numbers by which rooms are put in order, the lowest first: what a strategy says, and then
    the room's index. Heaps compare them in a third of the time that tuples take.
    """

    __slots__ = (
        "_closed",
        "_free_at",
        "_load_at",
        "_next_port",
        "_per_core",
        "board",
        "emptiest_first",
        "facts",
        "free_ports",
        "fullest_first",
        "held",
        "index",
        "memory",
        "millicores",
        "name",
        "node",
        "shunned",
        "total_memory",
        "total_millicores",
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
        self._per_core = _WHOLE / max(node.cpus, 0.001)
        self.measure()
        self._closed = {port for port in node.busy_ports if node.first_port <= port <= node.last_port}
        self._next_port = node.first_port
        self.free_ports = node.last_port - node.first_port + 1 - len(self._closed)
        self.weigh()

    def weigh(self) -> None:
        """Work out the ranks by what is reserved, after memory or cpu has changed."""
        memory, cpu = self.memory / self.total_memory, self.millicores / self.total_millicores
        free = memory if memory < cpu else cpu  # noqa: FURB136 - max() and min() take twice as long
        rank = int((1 - free) * _WHOLE) << _BITS | self.index
        self.emptiest_first, self.fullest_first = rank, 2 * self.index - rank

    @property
    def used(self) -> float:
        """The share that is reserved of memory or cpu, whichever is the greater; 1 is full."""
        return max(1 - self.memory / self.total_memory, 1 - self.millicores / self.total_millicores)

    @property
    def free_memory(self) -> int:
        """Bytes measured as free, less what has been placed since."""
        return self.memory - self._free_at

    @property
    def most_free_first(self) -> int:
        """The rank by free memory."""
        return self._free_at - self.memory << _BITS | self.index

    @property
    def load(self) -> float:
        """The measured load and what has been placed since, in millicores for each core."""
        return (self._load_at - self.millicores) * self._per_core / _WHOLE

    @property
    def idlest_first(self) -> int:
        """The rank by load."""
        return int((self._load_at - self.millicores) * self._per_core) << _BITS | self.index

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
        self._free_at = self.memory - self.node.free_memory
        self._load_at = self.node.load * 1000 + self.millicores
