# SPDX-License-Identifier: GPL-3.0-or-later
"""How full nodes are: what is reserved on each, of what it has for instances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import LOST
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Board, Room


@dataclass(frozen=True)
class Use:
    """What is reserved of a node, or of many. Memory in bytes, cpu in cores."""

    memory: int
    memory_total: int
    cpu: float
    cpu_total: float
    instances: int

    @property
    def memory_share(self) -> float:
        """The part of the memory that is reserved, from 0 to 1."""
        return self.memory / self.memory_total if self.memory_total else 0.0

    @property
    def cpu_share(self) -> float:
        """The part of the cpu that is reserved, from 0 to 1."""
        return self.cpu / self.cpu_total if self.cpu_total else 0.0

    @property
    def first(self) -> str:
        """The resource of which the greater part is reserved."""
        return "cpu" if self.cpu_share > self.memory_share else "memory"

    def as_dict(self) -> dict[str, float]:
        """Return plain data."""
        return {
            "memory": self.memory,
            "memory_total": self.memory_total,
            "memory_share": round(self.memory_share, 4),
            "cpu": round(self.cpu, 3),
            "cpu_total": round(self.cpu_total, 3),
            "cpu_share": round(self.cpu_share, 4),
            "instances": self.instances,
        }


def use_of(board: Board) -> dict[str, Use]:
    """Return node → how full it is, of all that are not lost."""
    return {room.name: _use(room) for room in board.rooms if room.node.state != LOST}


def total(uses: Iterable[Use]) -> Use:
    """Return how full many nodes are together."""
    uses = list(uses)
    return Use(
        sum(use.memory for use in uses),
        sum(use.memory_total for use in uses),
        sum(use.cpu for use in uses),
        sum(use.cpu_total for use in uses),
        sum(use.instances for use in uses),
    )


def _use(room: Room) -> Use:
    memory, cpu = room.node.memory_for_instances, room.node.cpus_for_instances
    held = sum(len(holders) for holders in room.held.values())
    return Use(memory - room.memory, memory, max(cpu - room.millicores / 1000, 0.0), cpu, held)
