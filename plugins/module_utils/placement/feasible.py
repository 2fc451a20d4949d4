# SPDX-License-Identifier: GPL-3.0-or-later
"""The hard rules: may this node hold one more instance of this shape? Each no is said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ansible_collections.fairlead.paas.plugins.module_utils.constraints import Constraint
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from .room import Room, Rooms, Shape

Rule = Callable[[Room, Shape, int | None], str | None]


def refusal(room: Room, shape: Shape, number: int | None = None) -> str | None:
    """Return the first reason why the node cannot hold it, or None.

    With a slot number, an instance of that slot which stands there already is not counted once more.
    """
    return next((reason for rule in RULES if (reason := rule(room, shape, number))), None)


def explain(shape: Shape, rooms: Rooms) -> dict[str, str]:
    """Return the reason of every node that refuses, by its name."""
    return {name: reason for name, room in sorted(rooms.items()) if (reason := refusal(room, shape))}


def unmet(constraints: Iterable[Constraint], labels: Mapping[str, str]) -> str | None:
    """Return the first constraint that these labels do not meet, in words, or None."""
    for constraint in constraints:
        if not constraint.allows(labels):
            found = f"{constraint.label} is {labels[constraint.label]}" if constraint.label in labels else ""
            return f"{found or f'has no label {constraint.label}'}, wants {constraint}"
    return None


def _constraints(room: Room, shape: Shape, _number: int | None) -> str | None:
    return unmet(shape.constraints, room.node.labels)


def _max_per_node(room: Room, shape: Shape, number: int | None) -> str | None:
    if shape.max_per_node is None:
        return None
    held = room.holds(shape)
    if number in held or len(held) < shape.max_per_node:
        return None
    return f"already holds {len(held)} of {shape}, max_per_node is {shape.max_per_node}"


def _memory(room: Room, shape: Shape, _number: int | None) -> str | None:
    if shape.memory <= room.memory:
        return None
    return f"{_readable(room.memory)} memory free, needs {format_size(shape.memory)}"


def _cpu(room: Room, shape: Shape, _number: int | None) -> str | None:
    if shape.millicores <= room.millicores:
        return None
    return f"{max(room.millicores, 0) / 1000:g} cpu free, needs {shape.millicores / 1000:g}"


def _port(room: Room, shape: Shape, _number: int | None) -> str | None:
    if not shape.wants_port or room.port() is not None:
        return None
    return f"no free port in {room.node.first_port}-{room.node.last_port}"


RULES: tuple[Rule, ...] = (_constraints, _max_per_node, _memory, _cpu, _port)


def _readable(size: int) -> str:
    """Return a size rounded down to whole megabytes: a measured capacity has odd bytes."""
    megabyte = 2**20
    return format_size(max(size, 0) // megabyte * megabyte if size >= megabyte else max(size, 0))
