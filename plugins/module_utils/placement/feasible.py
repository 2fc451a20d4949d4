# SPDX-License-Identifier: GPL-3.0-or-later
"""The hard rules: may this node hold one more instance of this shape? Each no is said in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from ansible_collections.fairlead.paas.plugins.module_utils.constraints import Constraint
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import ACTIVE, CORDONED, DRAINING, LOST
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_roughly, format_size

from .board import Board
from .room import Room
from .shape import EVERY_OTHER, Key, Ref, Shape

Rule = Callable[[Room, Shape, int | None], str | None]

_STATES = {
    CORDONED: "is cordoned, takes nothing new",
    DRAINING: "is draining",
    LOST: "is lost",
}


def refusal(room: Room, shape: Shape, number: int | None = None) -> str | None:
    """Return the first reason why the node cannot hold it, or None.

    With a slot number, an instance of that slot which stands there already is not counted once more.
    """
    return first_refusal(RULES, room, shape, number)


def displacement(room: Room, shape: Shape) -> str | None:
    """Return why an instance that stands on the node, and is counted there, may not stay, or None.

    ``max_skew`` is none: it says where something new may go, and moves nothing.
    """
    return first_refusal(STAYING, room, shape, None)


def staying_rules(shape: Shape, board: Board) -> tuple[Rule, ...]:
    """Return the rules of ``displacement`` that can refuse a node which ``misplaced`` has nothing against.

    But for those whom somebody does not want on the same node: the board knows which nodes these are.
    """
    found: list[Rule] = []
    if shape.max_per_node is not None:
        found.append(_too_many)
    if shape.max_per:
        found.append(_too_many_in_value)
    return (*found, *_company_rules(shape, board))


def changing_rules(shape: Shape, board: Board) -> tuple[Rule, ...]:
    """Return the rules that can refuse a room of the shape's field, apart from what it has left.

    But for ``max_skew``: that is about what stands elsewhere, which changes with every instance. And but for
    those whom somebody does not want on the same node: the room knows whether there are any.
    """
    found: list[Rule] = []
    if shape.max_per_node is not None:
        found.append(_max_per_node)
    if shape.max_per:
        found.append(_max_per)
    if shape.publish is not None:
        found.append(_publish)
    return (*found, *_company_rules(shape, board))


def _company_rules(shape: Shape, board: Board) -> Iterator[Rule]:
    if shape.apart:
        yield _apart
    if board.shunned_as(shape, per_value=True):
        yield _unwanted_in_value
    if shape.together:
        yield _together


def barred(room: Room, shape: Shape) -> str | None:
    """Return why the node takes no such instance, whatever stands where, or None."""
    return first_refusal(STATIC, room, shape, None)


def misplaced(room: Room, shape: Shape) -> str | None:
    """Return why the node keeps no such instance, whatever stands where, or None."""
    return first_refusal(STANDING, room, shape, None)


def first_refusal(rules: Iterable[Rule], room: Room, shape: Shape, number: int | None) -> str | None:
    """Return the first reason that one of these rules gives, or None."""
    for rule in rules:
        if reason := rule(room, shape, number):
            return reason
    return None


def keepers(shape: Shape, board: Board) -> frozenset[str]:
    """Return the names of the nodes that ``misplaced`` has nothing against. Worked out once for a class."""
    first, *others = board.fields.parts(shape)
    return first.keeping.union(*(part.keeping for part in others)) if others else first.keeping


def explain(shape: Shape, board: Board) -> dict[str, str]:
    """Return the reason of every node that refuses, by its name."""
    return {room.name: reason for room in board.rooms if (reason := refusal(room, shape))}


def unmet(constraints: Iterable[Constraint], facts: Mapping[str, str]) -> str | None:
    """Return the first constraint that these facts do not meet, in words, or None."""
    for constraint in constraints:
        if not constraint.allows(facts):
            found = f"{constraint.label} is {facts[constraint.label]}" if constraint.label in facts else ""
            return f"{found or f'has no label {constraint.label}'}, wants {constraint}"
    return None


def _state(room: Room, _shape: Shape, _number: int | None) -> str | None:
    return None if room.node.state == ACTIVE else _STATES[room.node.state]


def _emptied(room: Room, _shape: Shape, _number: int | None) -> str | None:
    return _STATES[room.node.state] if room.node.state in (DRAINING, LOST) else None


def _reserved(room: Room, shape: Shape, _number: int | None) -> str | None:
    apps = room.node.reserved_for
    return f"is reserved for {', '.join(apps)}" if apps and shape.app not in apps else None


def _constraints(room: Room, shape: Shape, _number: int | None) -> str | None:
    return unmet(shape.constraints, room.facts)


def _max_per_node(room: Room, shape: Shape, number: int | None) -> str | None:
    if shape.max_per_node is None:
        return None
    held = room.holds(shape)
    others = len(held) - (number in held)
    if others < shape.max_per_node:
        return None
    if shape.publish is not None:
        return f"already holds {others} of {shape}, which publishes {shape.publish}"
    return f"already holds {others} of {shape}, max_per_node is {shape.max_per_node}"


def _max_per(room: Room, shape: Shape, number: int | None) -> str | None:
    for label, most in shape.max_per:
        value = room.facts.get(label)
        if value is None:
            return f"has no label {label}, wants max_per {label}"
        tally = room.board.tally(shape, label)
        others = tally.count(value) - tally.has(value, number)
        if others >= most:
            return f"{label} {value} already holds {others} of {shape}, max_per {label} is {most}"
    return None


def _too_many(room: Room, shape: Shape, _number: int | None) -> str | None:
    held = len(room.holds(shape)) if shape.max_per_node is not None else 0
    if shape.max_per_node is None or held <= shape.max_per_node:
        return None
    return f"{room.name} holds {held} of {shape}, max_per_node is {shape.max_per_node}"


def _too_many_in_value(room: Room, shape: Shape, _number: int | None) -> str | None:
    for label, most in shape.max_per:
        value = room.facts.get(label)
        if value is None:
            return f"has no label {label}, wants max_per {label}"
        held = room.board.tally(shape, label).count(value)
        if held > most:
            return f"{label} {value} holds {held} of {shape}, max_per {label} is {most}"
    return None


def _max_skew(room: Room, shape: Shape, number: int | None) -> str | None:
    label = shape.spread
    if shape.max_skew is None or label is None:
        return None
    value, board = room.facts.get(label), room.board
    if value is None:
        return f"has no label {label}, wants max_skew over {label}"
    tally = board.tally(shape, label)
    if number is not None and tally.has(value, number):
        return None
    fewest, emptiest = min((tally.staying(it), it) for it in board.values_of(shape, label) | {value})
    if tally.staying(value) + 1 - fewest <= shape.max_skew:
        return None
    return (
        f"{label} {value} holds {tally.staying(value)} of {shape} and {label} {emptiest} {fewest},"
        f" max_skew is {shape.max_skew}"
    )


def _apart(room: Room, shape: Shape, _number: int | None) -> str | None:
    """Refuse where somebody stands whom the shape does not want beside it."""
    if not shape.apart:
        return None
    if shape.apart_per is not None:
        return _apart_in_value(room, shape, shape.apart_per)
    for ref in shape.apart:
        if found := _meant(ref, room.held.keys(), shape.key):
            return f"holds {_named(min(found))}, apart from {ref}"
    return None


def _apart_in_value(room: Room, shape: Shape, label: str) -> str | None:
    value, board = room.facts.get(label), room.board
    if value is None:
        return f"has no label {label}, wants apart per {label}"
    for ref in shape.apart:
        if ref.app == EVERY_OTHER:
            present = [*board.census(label).of(value)]
        else:
            known = (
                [(ref.app, ref.process)] if ref.process else [it for it in board.where if it[0] == ref.app]
            )
            present = [key for key in known if board.stands_in(key, label, value)]
        if found := _meant(ref, present, shape.key):
            return f"{label} {value} holds {_named(min(found))}, apart from {ref}"
    return None


def _meant(ref: Ref, present: Collection[Key], owner: Key) -> list[Key]:
    """Return those of a place whom a rule of the owner names: as ``Ref.names``, for many at once."""
    if ref.app == EVERY_OTHER:
        return [key for key in present if key[0] != owner[0]]
    if ref.process is None:
        return [key for key in present if key[0] == ref.app and key != owner]
    key = (ref.app, ref.process)
    return [key] if key in present and key != owner else []


def unwanted(room: Room, shape: Shape, _number: int | None = None) -> str | None:
    """Return who stands on the node and does not want the shape beside it, or None."""
    return _shunned_by(room.shunned, shape, "") if room.shunned else None


def _unwanted_in_value(room: Room, shape: Shape, _number: int | None) -> str | None:
    for label, values in room.board.shunned.items():
        value = room.facts.get(label)
        shunned = values.get(value) if value is not None else None
        if shunned and (reason := _shunned_by(shunned, shape, f"{label} {value} ")):
            return reason
    return None


def _shunned_by(shunned: Mapping[Ref, Mapping[Key, int]], shape: Shape, place: str) -> str | None:
    for ref in shape.names:
        if ref not in shunned:
            continue
        by = [key for key in shunned[ref] if ref.names(shape.key, key)]
        if by:
            return f"{place}holds {_named(min(by))}, which is apart from {ref}"
    return None


def _together(room: Room, shape: Shape, _number: int | None) -> str | None:
    for ref in shape.together:
        if not holds(room, ref, shape):
            return f"holds no {ref}, wants with {ref}"
    return None


def holds(room: Room, ref: Ref, owner: Shape) -> bool:
    """Say whether somebody stands on the node, and stays, whom a rule of the owner names."""
    held, staying = room.held, room.board.staying
    named = [(ref.app, ref.process)] if ref.process else held
    return any(staying(held[key]) for key in named if key in held and ref.names(key, owner.key))


def _memory(room: Room, shape: Shape, _number: int | None) -> str | None:
    if shape.memory <= room.memory:
        return None
    return f"{format_roughly(max(room.memory, 0))} memory free, needs {format_size(shape.memory)}"


def _cpu(room: Room, shape: Shape, _number: int | None) -> str | None:
    if shape.millicores <= room.millicores:
        return None
    return f"{max(room.millicores, 0) / 1000:g} cpu free, needs {shape.millicores / 1000:g}"


def _port(room: Room, shape: Shape, _number: int | None) -> str | None:
    if not shape.wants_port or room.free_ports > 0:
        return None
    return f"no free port in {room.node.first_port}-{room.node.last_port}"


def _publish(room: Room, shape: Shape, _number: int | None) -> str | None:
    """Refuse where another process has the port that the shape wants. Its own bound is one on a node."""
    if shape.publish is None:
        return None
    if shape.publish in room.node.busy_ports:
        return f"port {shape.publish} is taken by something that is not Fairlead's"
    published = room.board.published
    by = [key for key in room.held if published.get(key) == shape.publish and key != shape.key]
    return f"port {shape.publish} is published by {_named(min(by))}" if by else None


_COMPANY: tuple[Rule, ...] = (_apart, unwanted, _unwanted_in_value, _together)

# The policy, the cheapest first.
STATIC: tuple[Rule, ...] = (_state, _reserved, _constraints)
RULES: tuple[Rule, ...] = (
    *STATIC,
    _max_per_node,
    _max_per,
    _max_skew,
    *_COMPANY,
    _memory,
    _cpu,
    _port,
    _publish,
)
# Those that depend on nothing which comes later: without ``max_skew``, more elsewhere cannot make room.
FITTING: tuple[Rule, ...] = tuple(rule for rule in RULES if rule is not _max_skew)
BUT_CAPACITY: tuple[Rule, ...] = tuple(rule for rule in RULES if rule not in (_memory, _cpu))
# The same for what stands already.
STANDING: tuple[Rule, ...] = (_emptied, _reserved, _constraints)
STAYING: tuple[Rule, ...] = (*STANDING, _too_many, _too_many_in_value, *_COMPANY)


def _named(key: Key) -> str:
    return f"{key[0]}.{key[1]}"
