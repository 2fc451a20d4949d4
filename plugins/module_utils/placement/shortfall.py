# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing where something does not fit: the smallest changes with which it would, each tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from math import ceil
from typing import Any, NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.errors import did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import ACTIVE, CORDONED, DRAINING, Node
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from .board import Board
from .feasible import BUT_CAPACITY, first_refusal, refusal, unwanted
from .fill import fill
from .room import Room
from .shape import Shape

_SAID = 2  # changes that are said of one process
_TRIED = 24  # nodes, or steps of a number, that are tried for one kind of change
_MEGABYTE = 2**20


class Missing(NamedTuple):
    """Slots of one process that fit nowhere; ``only``: the one node on which one of them may stand."""

    shape: Shape
    numbers: list[int]
    only: str | None = None


def shortfall(missing: Iterable[Missing], board: Board) -> Iterator[str]:
    """Yield a sentence for each process: with which change all its slots would fit beside what is placed."""
    for each in missing:
        yield from _unknown_labels(each.shape, board)
        changes = [*islice(_changes(each, board), _SAID)]
        if changes:
            count = len(each.numbers)
            what = f"{each.shape}.{each.numbers[0]}" if count == 1 else f"{count} more of {each.shape}"
            yield f"{what} would fit {', or '.join(changes)}."


def _unknown_labels(shape: Shape, board: Board) -> Iterator[str]:
    known = {label for room in board.rooms for label in room.facts}
    for constraint in shape.constraints:
        if known and constraint.label not in known:
            said = did_you_mean(constraint.label, known)
            yield f"{shape} wants {constraint}, but no node has the label {constraint.label}; expected {said}"


def _changes(missing: Missing, board: Board) -> Iterator[str]:
    """Yield changes that were tried and suffice, the smallest first."""
    for kind in _KINDS:
        yield from kind(missing, board)


def _opened(missing: Missing, board: Board) -> Iterator[str]:
    def opened(node: Node) -> Node | None:
        return replace(node, state=ACTIVE) if node.state in (CORDONED, DRAINING) else None

    if node := _freed(opened, missing, board):
        yield f"if {node.name} were not {node.state}"


def _not_reserved(missing: Missing, board: Board) -> Iterator[str]:
    def open_to_all(node: Node) -> Node | None:
        return replace(node, reserved_for=()) if node.reserved_for else None

    if node := _freed(open_to_all, missing, board):
        yield f"if {node.name} were not reserved for {', '.join(node.reserved_for)}"


def _freed(change: Callable[[Node], Node | None], missing: Missing, board: Board) -> Node | None:
    """Return the first node, as it is, with whose change all slots would fit; None where there is no such."""
    for room in _candidates(missing, board):
        node, other = room.node, change(room.node)
        if other:
            with _as(room, other):
                fits = _fits(missing, missing.shape, board)
            if fits:
                return node
    return None


def _more_on_one_node(missing: Missing, board: Board) -> Iterator[str]:
    shape, count = missing.shape, len(missing.numbers)
    lacking: dict[tuple[int, int], list[Room]] = {}
    for room in _candidates(missing, board):
        memory, cpu = _lacks(room, shape, count)
        if (memory or cpu) and first_refusal(BUT_CAPACITY, room, shape, missing.numbers[0]) is None:
            lacking.setdefault((memory, cpu), []).append(room)
    by_size = sorted(lacking.items(), key=lambda it: (_share(it[0], shape), it[1][0].index))
    for (memory, cpu), rooms in by_size[:_TRIED]:
        suffices = [room for room in rooms[:_TRIED] if _fits_with([room], memory, cpu, missing, board)]
        if suffices:
            names = " or ".join(room.name for room in suffices[:3])
            yield f"with {_in_words(memory, cpu)} on {names}{_wanted(shape)}"
            return


def _more_on_several_nodes(missing: Missing, board: Board) -> Iterator[str]:
    shape, count = missing.shape, len(missing.numbers)
    if count == 1 or missing.only:
        return
    usable = [
        it for it in _candidates(missing, board) if first_refusal(BUT_CAPACITY, it, shape, None) is None
    ]
    usable.sort(key=lambda room: (_share(_lacks(room, shape, 1), shape), room.index))
    for some in range(2, min(count, len(usable), _TRIED) + 1):
        rooms = usable[:some]
        each = -(-count // some)
        memory = max(_lacks(room, shape, each)[0] for room in rooms)
        cpu = max(_lacks(room, shape, each)[1] for room in rooms)
        if (memory or cpu) and _fits_with(rooms, memory, cpu, missing, board):
            names = ", ".join(room.name for room in rooms)
            yield f"with {_in_words(memory, cpu)} on each of {names}{_wanted(shape)}"
            return


def _higher_max_per_node(missing: Missing, board: Board) -> Iterator[str]:
    now = missing.shape.max_per_node
    if most := _raised(missing, board, now, lambda most: {"max_per_node": most}):
        yield f"with placement.max_per_node {most}"


def _higher_max_per(missing: Missing, board: Board) -> Iterator[str]:
    bounds = dict(missing.shape.max_per)
    for label, now in bounds.items():

        def higher(most: int, label: str = label) -> dict[str, Any]:
            return {"max_per": tuple((bounds | {label: most}).items())}

        if most := _raised(missing, board, now, higher):
            yield f"with placement.max_per {label}: {most}"
            return


def _higher_max_skew(missing: Missing, board: Board) -> Iterator[str]:
    now = missing.shape.max_skew
    if most := _raised(missing, board, now, lambda most: {"max_skew": most}):
        yield f"with placement.max_skew {most}"


def _raised(
    missing: Missing, board: Board, now: int | None, change: Callable[[int], dict[str, Any]]
) -> int | None:
    """Return how high a bound must be at least for all slots to fit; None if no height helps."""
    if now is None:
        return None
    heights = range(now + 1, now + 1 + min(len(missing.numbers), _TRIED))
    return next((it for it in heights if _fits(missing, missing.shape.without(**change(it)), board)), None)


def _without_apart(missing: Missing, board: Board) -> Iterator[str]:
    shape = missing.shape
    ref = _needless("apart", missing, board)
    if ref is not None:
        yield f"without placement.apart {ref}"
        return
    shunned = board.shunned or any(unwanted(room, shape) for room in board.rooms)
    if shunned and _fits(missing, shape.unnamed(), board):
        yield "if those who are apart from it were not"


def _without_together(missing: Missing, board: Board) -> Iterator[str]:
    ref = _needless("together", missing, board)
    if ref is not None:
        yield f"without placement.with {ref}"


def _without_constraint(missing: Missing, board: Board) -> Iterator[str]:
    constraint = _needless("constraints", missing, board)
    if constraint is not None:
        yield f"without the constraint {constraint}"


def _needless(rule: str, missing: Missing, board: Board) -> object | None:
    """Return the first part of a rule of the shape without which all slots would fit, or None."""
    shape = missing.shape
    parts: tuple[object, ...] = getattr(shape, rule)
    for part in parts:
        rest = tuple(it for it in parts if it != part)
        if _fits(missing, shape.without(**{rule: rest}), board):
            return part
    return None


def _one_more_value(missing: Missing, board: Board) -> Iterator[str]:
    shape = missing.shape
    labels = [*([shape.spread] if shape.max_skew and shape.spread else []), *(it for it, _ in shape.max_per)]
    like = _largest(missing, board)
    if like is None or missing.only:
        return
    for label in labels:
        node = replace(like, name="(one more)", labels=like.labels | {label: "(one more)"})
        with _beside([node], board):
            fits = _fits(missing, shape, board)
        if fits:
            yield f"with one more {label} that has a node like {like.name}"
            return


def _more_nodes(missing: Missing, board: Board) -> Iterator[str]:
    like = _largest(missing, board)
    if like is None or missing.only:
        return
    for some in range(1, min(len(missing.numbers), _TRIED) + 1):
        nodes = [replace(like, name=f"(one more {at:03})") for at in range(some)]
        with _beside(nodes, board):
            fits = _fits(missing, missing.shape, board)
        if fits:
            yield f"with {'one more node' if some == 1 else f'{some} more nodes'} like {like.name}"
            return


_KINDS: tuple[Callable[[Missing, Board], Iterator[str]], ...] = (
    _opened,
    _more_on_one_node,
    _more_on_several_nodes,
    _higher_max_per_node,
    _higher_max_per,
    _higher_max_skew,
    _without_apart,
    _without_together,
    _one_more_value,
    _more_nodes,
    _not_reserved,
    _without_constraint,
)


def _candidates(missing: Missing, board: Board) -> list[Room]:
    """Return the rooms of which one change at a time is tried; of very many only the first."""
    if missing.only:
        return [board[missing.only]]
    return board.rooms[:2000]


def _fits(missing: Missing, shape: Shape, board: Board) -> bool:
    """Say whether all slots find a room, and leave the board as it is."""
    if missing.only:
        return refusal(board[missing.only], shape, missing.numbers[0]) is None
    found = fill(shape, missing.numbers, board)
    for number, room in found.items():
        board.put_back(room, shape, number)
    return len(found) == len(missing.numbers)


def _fits_with(rooms: list[Room], memory: int, cpu: int, missing: Missing, board: Board) -> bool:
    """Say whether all slots find a room with so much more on each of some nodes."""
    for room in rooms:
        board.lend(room, -memory, -cpu)
    fits = _fits(missing, missing.shape, board)
    for room in rooms:
        board.lend(room, memory, cpu)
    return fits


@contextmanager
def _as(room: Room, node: Node) -> Iterator[None]:
    """Let a room's node be another meanwhile."""
    before, room.node = room.node, node
    room.board.forget()
    try:
        yield
    finally:
        room.node = before
        room.board.forget()


@contextmanager
def _beside(nodes: list[Node], board: Board) -> Iterator[None]:
    """Let there be more nodes meanwhile."""
    for node in nodes:
        board.append(node)
    try:
        yield
    finally:
        for _ in nodes:
            board.pop()


def _largest(missing: Missing, board: Board) -> Node | None:
    """Return the node with the most memory of those that the process may use."""
    rooms = board.field(missing.shape)
    largest = max(
        rooms, key=lambda room: (room.total_memory, room.total_millicores, -room.index), default=None
    )
    return largest.node if largest else None


def _lacks(room: Room, shape: Shape, count: int) -> tuple[int, int]:
    """Return bytes, in whole megabytes, and thousandths of a core that a room lacks for so many."""
    memory = ceil(max(count * shape.memory - room.memory, 0) / _MEGABYTE) * _MEGABYTE
    return memory, max(count * shape.millicores - room.millicores, 0)


def _share(lack: tuple[int, int], shape: Shape) -> float:
    return max(lack[0] / max(shape.memory, 1), lack[1] / max(shape.millicores, 1))


def _in_words(memory: int, cpu: int) -> str:
    parts = [
        f"{format_size(memory)} more memory" if memory else "",
        f"{cpu / 1000:g} more cpu" if cpu else "",
    ]
    return " and ".join(filter(None, parts))


def _wanted(shape: Shape) -> str:
    """Return of which nodes alone there is talk, in brackets."""
    return f" ({', '.join(map(str, shape.constraints))})" if shape.constraints else ""
