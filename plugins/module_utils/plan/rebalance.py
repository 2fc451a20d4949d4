# SPDX-License-Identifier: GPL-3.0-or-later
"""Which moves would make a fleet more even, or free its nodes: the greatest gain first.

What an instance gains by a move is what its score gains, by the terms of ``rank`` and in their order. Both
nodes are scored with the instance lifted off:

1. its process is spread over a label, and the other value holds fewer of it;
2. the other node meets more weight of its preferences;
3. by the strategy ``spread``, the other node holds fewer of its process;
4. by ``binpack``, a node is freed: all that stands on it fits on nodes that are used already;
5. by the other strategies, the other node is emptier, has more memory free or less load: by a tenth at least,
   for a move costs something too.

What has volumes, or a port of its own, stays: it would stop before it starts elsewhere, or begin anew.
No move breaks a rule, none makes an earlier term worse for a later one, and nothing moves twice. What must be
with others, or is what others must be with, stays; so does what runs on every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Room, Shape
from ansible_collections.fairlead.paas.plugins.module_utils.placement.field import Part
from ansible_collections.fairlead.paas.plugins.module_utils.placement.fill import best_of
from ansible_collections.fairlead.paas.plugins.module_utils.placement.rank import STRATEGIES, Score, score
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key

from .arrangement import Arrangement, plan_fleet

_LEAST = 0.1  # of a node, the least that the last term must gain
_TARGETS = 16  # nodes of one value that are looked at as targets
_TERMS = ("value", "preferences", "here", "own")
_FREES = "freed"
_BINPACK = "binpack"


class Move(NamedTuple):
    """An instance that would better stand elsewhere. ``term`` is what is gained, ``gain`` how much of it."""

    slot: Slot
    old: str
    new: str
    term: str
    gain: float
    why: str


def rebalance(configurations: Iterable[Configuration], fleet: Fleet, max_moves: int) -> tuple[Move, ...]:
    """Return at most so many moves in the order in which they are best done.

    The fleet is taken as it is when all apps have been deployed to it: what a deploy moves is no gain.
    """
    configurations = list(configurations)
    alone = {
        (each.app, process.name)
        for each in configurations
        for process in each.processes
        if process.spec.alone
    }
    balancing = _Balancing(plan_fleet(configurations, fleet), alone)
    even = balancing.evening(max_moves)
    return (*even, *balancing.freeing(max_moves - len(even)))


class _Best(NamedTuple):
    """The best move of one process; the lower the better."""

    gain: tuple[float, ...]  # negative: what each term gains
    key: Key
    container: str
    room: int


class _Balancing:
    def __init__(self, arranged: Arrangement, alone: set[Key]) -> None:
        self._board, self._shapes = arranged.board, arranged.shapes
        movable = _movable(arranged.shapes) - alone
        self._standing: dict[Key, dict[str, Instance]] = {}
        for one in arranged.kept:
            key = (one.slot.app, one.slot.process)
            if key in movable:
                self._standing.setdefault(key, {})[one.container] = one
        self._targets: dict[tuple[tuple[Part, ...], str, str | None], list[Room]] = {}

    def evening(self, most: int) -> tuple[Move, ...]:
        """Return moves by all terms but that of nodes freed."""
        queue = [best for key in sorted(self._standing) if (best := self._best(key))]
        heapify(queue)
        moves: list[Move] = []
        while queue and len(moves) < most:
            first = queue[0]
            now = self._best(first.key)
            if now is None:
                heappop(queue)
            elif now != first:
                heapreplace(queue, now)
            else:
                moves.append(self._made(first))
        return tuple(moves)

    def freeing(self, most: int) -> tuple[Move, ...]:
        """Return moves that free whole nodes, those with the fewest instances first."""
        moves: list[Move] = []
        for room in sorted(self._board.rooms, key=lambda it: (sum(map(len, it.held.values())), it.index)):
            here = self._all_packed(room)
            if here and len(moves) + len(here) <= most:
                moves += self._emptied(room, here)
        return tuple(moves)

    def _best(self, key: Key) -> _Best | None:
        """Return the best move of the worst placed instance of a process."""
        shape, standing, board = self._shapes[key], self._standing[key], self._board
        if not standing or (shape.strategy == _BINPACK and not (shape.spread or shape.preferences)):
            return None
        worst = max(standing.values(), key=lambda one: (score(board[one.node], shape), one.slot.number))
        board.drop(worst)
        home = board[worst.node]
        before = score(home, shape)
        others = (it for it in self._rooms(shape) if it is not home)
        target = best_of(others, shape, worst.slot.number)
        found = None
        if target is not None and (gain := _gain(before, score(target, shape), shape, home, target)):
            found = _Best(gain, key, worst.container, target.index)
        board.add(worst)
        return found

    def _made(self, best: _Best) -> Move:
        one, shape = self._standing[best.key].pop(best.container), self._shapes[best.key]
        room = self._board.rooms[best.room]
        at = next(at for at, gain in enumerate(best.gain) if gain)
        self._board.drop(one)
        words = _words(at, shape, self._board[one.node], room)
        self._board.take(room, shape, one.slot.number)
        return Move(one.slot, one.node, room.name, _TERMS[at], -best.gain[at], words)

    def _rooms(self, shape: Shape) -> Iterator[Room]:
        """Yield rooms worth looking at: of each value of ``spread`` those that the strategy likes."""
        parts, label, rank = self._board.fields.parts(shape), shape.spread, STRATEGIES[shape.strategy].rank
        values: list[str | None] = [*sorted(self._board.values_of(shape, label))] if label else [None]
        for value in values:
            at = (parts, shape.strategy, value)
            if at not in self._targets:
                rooms = (
                    it
                    for it in self._board.field(shape)
                    if value is None or it.facts.get(label or "") == value
                )
                self._targets[at] = sorted(rooms, key=rank)
            yield from sorted(self._targets[at][: 4 * _TARGETS], key=rank)[:_TARGETS]

    def _all_packed(self, room: Room) -> list[tuple[Shape, Instance]]:
        """Return all that stands on a node, if all of it is to be packed and may move; nothing otherwise."""
        found: list[tuple[Shape, Instance]] = []
        for key, holders in room.held.items():
            shape, standing = self._shapes.get(key), self._standing.get(key, {})
            if shape is None or shape.strategy != _BINPACK or any(it not in standing for it in holders):
                return []
            found += [(shape, standing[str(container)]) for container in holders]
        return sorted(found, key=lambda it: (-it[0].memory, -it[0].millicores, it[1].slot))

    def _emptied(self, room: Room, here: list[tuple[Shape, Instance]]) -> list[Move]:
        """Return the moves that free a node, done; none where not all of it finds a place on used nodes."""
        board = self._board
        taken: list[tuple[Shape, Instance, Room]] = []
        for shape, one in here:
            board.drop(one)
            used = (it for it in board.field(shape) if it is not room and it.held)
            target = best_of(used, shape, one.slot.number)
            if target is None:
                board.add(one)
                for placed, back, there in reversed(taken):
                    board.put_back(there, placed, back.slot.number)
                    board.add(back)
                return []
            board.take(target, shape, one.slot.number)
            taken.append((shape, one, target))
        for shape, one, _ in taken:
            del self._standing[shape.key][one.container]
        why = f"{room.name} is freed by {len(taken)} moves" if len(taken) > 1 else f"{room.name} is freed"
        return [Move(one.slot, room.name, to.name, _FREES, 1 / len(taken), why) for _, one, to in taken]


def _movable(shapes: Mapping[Key, Shape]) -> set[Key]:
    """Return the processes that go nowhere with others, and do not run on every node."""
    named = [(ref, key) for key, shape in shapes.items() for ref in shape.together]
    return {
        key
        for key, shape in shapes.items()
        if not shape.everywhere
        and not shape.together
        and not any(ref.names(key, owner) for ref, owner in named)
    }


def _gain(before: Score, after: Score, shape: Shape, home: Room, target: Room) -> tuple[float, ...] | None:
    """Return what each term gains, negated, up to the first that does; None if a term before that loses."""
    for at, (was, becomes) in enumerate(zip(before[:3], after[:3], strict=True)):
        if becomes > was:
            return None
        if becomes < was:
            return (*[0.0] * at, becomes - was, *[0.0] * (3 - at))
    if shape.strategy == _BINPACK:
        return None
    own = _own_gain(shape, home, target)
    return (0.0, 0.0, 0.0, -own) if own >= _LEAST else None


def _own_gain(shape: Shape, home: Room, target: Room) -> float:
    """Return what the strategy's own term gains, as a share of a node."""
    if shape.strategy == "most-free-memory":
        return (target.free_memory - home.free_memory) / max(home.total_memory, 1)
    if shape.strategy == "least-cpu":
        return (home.load - target.load) / 1000
    return home.used - target.used


def _words(at: int, shape: Shape, home: Room, target: Room) -> str:
    """Say what is gained, with the instance lifted off."""
    before, after = score(home, shape), score(target, shape)
    if _TERMS[at] == "value":
        here, there = home.facts.get(shape.spread or ""), target.facts.get(shape.spread or "")
        held = f"{before[0]:g} others" if here is not None else f"no label {shape.spread}"
        return f"{shape.spread} {here or home.name} has {held} of {shape}, {there} has {after[0]:g}"
    if _TERMS[at] == "preferences":
        return f"{target.name} meets preferences of weight {-after[1]:g}, {home.name} of {-before[1]:g}"
    if _TERMS[at] == "here":
        return f"{home.name} holds {before[2]:g} others of {shape}, {target.name} {after[2]:g}"
    strategy = STRATEGIES[shape.strategy]
    return (
        f"{home.name} has {strategy.likes(home):g} {strategy.term}, {target.name} {strategy.likes(target):g}"
    )
