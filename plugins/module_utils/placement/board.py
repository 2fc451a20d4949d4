# SPDX-License-Identifier: GPL-3.0-or-later
"""The board on which placing happens: what every node has left, and the counts that rules need.

Everything that comes to a node or goes from it passes through here, so that no count is ever computed anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Rules
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import LOST, Fleet, Instance, Node

from .field import Fields
from .room import Holders, Room
from .shape import Aversion, Key, Ref, Shape, millicores
from .tally import Census, Tally

if TYPE_CHECKING:
    from .explanation import Witness
    from .lane import Lanes


_NONE: Mapping[str, Tally] = {}
_NOBODY: frozenset[Ref] = frozenset()


class Board(Mapping[str, Room]):
    """The rooms of all nodes, by name and sorted by it."""

    def __init__(self, nodes: Iterable[Node], rules: Mapping[Key, Rules]) -> None:
        """Begin with empty nodes. ``rules``: of each process that runs or will, as they bind others."""
        by_name = sorted(nodes, key=lambda node: node.name)
        self.rooms = [Room(node, index, self) for index, node in enumerate(by_name)]
        self.where: dict[Key, dict[int, Holders]] = {}  # process -> index of a node -> who stands there
        self.witness: Witness | None = None  # who is to see how slots are placed
        self.leaving: set[str] = set()  # containers that hold their room only until they are stopped
        self.changes: list[int] = []  # the indices of nodes on which something was placed, in order
        self.shunned: dict[str, dict[str, dict[Ref, dict[Key, int]]]] = {}  # label -> value -> as on a room
        self._by_name = {room.name: room for room in self.rooms}
        self._watched: set[Key] = set()  # of whose instances more is counted than what they hold
        self._aversions: dict[Key, Aversion] = {}
        self._averse: dict[Ref, list[Key]] = {}  # whom -> who wants not to be beside them
        self._tallies: dict[Key, dict[str, Tally]] = {}
        self._censuses: dict[str, Census] = {}
        self.published: dict[Key, int] = {}  # process -> the port that it has on each node it stands on
        self.fields = Fields(self.rooms)
        self.lanes: dict[object, Lanes] = {}  # the rooms in order, until something leaves one of them
        for key, each in rules.items():
            if each.apart:
                self._avert(key, Aversion.of(each))

    def __getitem__(self, name: str) -> Room:
        """Return the room of a node."""
        return self._by_name[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the room of a node, or what is given."""
        return self._by_name.get(name, default)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all nodes."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Return how many nodes there are."""
        return len(self.rooms)

    # What stands where

    def take(self, room: Room, shape: Shape, number: int) -> None:
        """Reserve what a new instance asks for. A port is only counted; ``Room.open_port`` names it."""
        key, index = shape.key, room.index
        room.memory -= shape.memory
        room.millicores -= shape.millicores
        room.free_ports -= shape.wants_port
        room.weigh()
        self.changes.append(index)
        holders = room.held.get(key)
        if holders is None:
            room.held[key] = holders = {number: number}
            at = self.where.get(key)
            if at is None:
                self.where[key] = {index: holders}
            else:
                at[index] = holders
        else:
            holders[number] = number
        if self._censuses or key in self._watched:
            self._note(room, key, number, number, 1)

    def take_each(self, rooms: Iterable[Room], shape: Shape, numbers: Iterable[int]) -> None:
        """Do as ``take`` does for many instances of one shape, each in a room that does not hold it yet."""
        key, memory, cpu, port = shape.key, shape.memory, shape.millicores, shape.wants_port
        at, changed = self.where.setdefault(key, {}), self.changes.append
        watched = self._censuses or key in self._watched
        for room, number in zip(rooms, numbers, strict=False):
            index = room.index
            room.memory -= memory
            room.millicores -= cpu
            room.free_ports -= port
            room.weigh()
            changed(index)
            at[index] = room.held[key] = {number: number}
            if watched:
                self._note(room, key, number, number, 1)

    def put_back(self, room: Room, shape: Shape, number: int) -> None:
        """Undo ``take``."""
        room.memory += shape.memory
        room.millicores += shape.millicores
        room.free_ports += shape.wants_port
        self._go(room, shape.key, number, number)

    def add(self, instance: Instance, *, leaving: bool = False) -> None:
        """Reserve what an observed instance holds; ``leaving``: until it is stopped."""
        room = self._by_name[instance.node]
        if leaving:
            self.leaving.add(instance.container)
        room.memory -= instance.memory
        room.millicores -= millicores(instance.cpu)
        room.close_port(instance.port)
        key = (instance.slot.app, instance.slot.process)
        self._come(room, key, instance.container, instance.slot.number)

    def drop(self, instance: Instance) -> None:
        """Give back all but the port of an observed instance."""
        room = self._by_name[instance.node]
        room.memory += instance.memory
        room.millicores += millicores(instance.cpu)
        key = (instance.slot.app, instance.slot.process)
        self._go(room, key, instance.container, instance.slot.number)
        self.leaving.discard(instance.container)

    def leave(self, instance: Instance) -> None:
        """Let an observed instance hold its room only until it is stopped."""
        self.drop(instance)
        self.add(instance, leaving=True)

    # What rules ask

    def field(self, shape: Shape) -> list[Room]:
        """Return the rooms that a shape may be placed in by what does not change, by name."""
        parts = self.fields.parts(shape)
        if len(parts) == 1:
            return parts[0].rooms
        return sorted((room for part in parts for room in part.rooms), key=lambda room: room.index)

    def values_of(self, shape: Shape, label: str) -> frozenset[str]:
        """Return the values that a label has on the rooms of a shape."""
        first, *others = self.fields.parts(shape)
        return first.values(label).union(*(part.values(label) for part in others))

    def tally(self, shape: Shape, label: str) -> Tally:
        """Return the counts of a process over the values of a label; from now on they are kept."""
        tallies = self._tallies.setdefault(shape.key, {})
        if label not in tallies:
            tallies[label] = self._counted(shape.key, label)
            self._watched.add(shape.key)
        return tallies[label]

    def census(self, label: str) -> Census:
        """Return who stands on the nodes of each value of a label; from now on it is kept."""
        if label not in self._censuses:
            census = self._censuses[label] = Census()
            for room in self.rooms:
                if (value := room.facts.get(label)) is not None:
                    for key, holders in room.held.items():
                        census.note(value, key, len(holders))
        return self._censuses[label]

    def stands_in(self, key: Key, label: str, value: str) -> bool:
        """Say whether a process stands on a node of one value of a label."""
        rooms = self.rooms
        return any(rooms[index].facts.get(label) == value for index in self.where.get(key, ()))

    def staying(self, holders: Holders) -> set[int]:
        """Return the slot numbers of what does not leave."""
        if not self.leaving:
            return set(holders.values())
        return {number for holder, number in holders.items() if holder not in self.leaving}

    def shunned_as(self, shape: Shape, *, per_value: bool) -> frozenset[Ref]:
        """Return by which names it is not wanted on somebody's node, or there in one value of a label."""
        known = [ref for ref in shape.names if ref in self._averse] if self._averse else ()
        if not known:
            return _NOBODY
        return frozenset(
            ref
            for ref in known
            for by in self._averse[ref]
            if (self._aversions[by].per is not None) == per_value and ref.names(shape.key, by)
        )

    def unwanted_at(self, shape: Shape) -> set[int]:
        """Return the indices of the nodes where somebody stands who wants no shape like this beside it."""
        found: set[int] = set()
        for ref in shape.names:
            for by in self._averse.get(ref, ()):
                if self._aversions[by].per is None and ref.names(shape.key, by):
                    found.update(self.where.get(by, ()))
        return found

    def bind(self, shape: Shape) -> None:
        """Let the rules of a shape bind others, if they were not given at the start."""
        if shape.apart and shape.key not in self._aversions:
            self._avert(shape.key, Aversion(shape.apart, shape.apart_per))

    def publish(self, shapes: Iterable[Shape]) -> None:
        """Note which of these shapes want a port and no other; what runs has its own already."""
        self.published |= {shape.key: shape.publish for shape in shapes if shape.publish is not None}

    def _avert(self, key: Key, aversion: Aversion) -> None:
        self._aversions[key] = aversion
        self._watched.add(key)
        for ref in aversion.refs:
            self._averse.setdefault(ref, []).append(key)

    def load(self, instances: Iterable[Instance], gone: Collection[str]) -> None:
        """Add all that is observed, at the start; containers that are ``gone`` hold only their port."""
        known, cores, watched, where = self._by_name, lru_cache(millicores), self._watched, self.where
        for one in instances:
            room = known.get(one.node)
            if room is None or room.node.state == LOST:
                continue
            if one.port is not None:
                room.close_port(one.port)
                if not room.node.first_port <= one.port <= room.node.last_port:
                    self.published[one.slot.app, one.slot.process] = one.port
            if one.container in gone:
                continue
            room.memory -= one.memory
            room.millicores -= cores(one.cpu)
            slot = one.slot
            key = slot.app, slot.process
            holders = room.held.get(key)
            if holders is None:
                room.held[key] = holders = {}
                where.setdefault(key, {})[room.index] = holders
            holders[one.container] = slot.number
            if key in watched:
                self._note(room, key, one.container, slot.number, 1)
        for room in self.rooms:
            room.measure()
            room.weigh()

    def lend(self, room: Room, memory: int, cpu: int) -> None:
        """Take so much from a node for a while; negative amounts give it back."""
        room.memory -= memory
        room.millicores -= cpu
        room.weigh()
        self.lanes.clear()

    def forget(self) -> None:
        """Forget all that was worked out of nodes once for all, since one of them is about to be another."""
        self.fields = Fields(self.rooms)
        self.lanes.clear()

    def append(self, node: Node) -> None:
        """Add a bare node for a while, behind all others."""
        room = Room(node, len(self.rooms), self)
        self.rooms.append(room)
        self._by_name[room.name] = room
        self.forget()

    def pop(self) -> None:
        """Remove the node that was added last; nothing may stand there."""
        del self._by_name[self.rooms.pop().name]
        self.forget()

    # Keeping the counts

    def _counted(self, key: Key, label: str) -> Tally:
        tally = Tally()
        for index, holders in self.where.get(key, {}).items():
            if (value := self.rooms[index].facts.get(label)) is not None:
                for holder, number in holders.items():
                    tally.note(value, number, 1, leaving=holder in self.leaving)
        return tally

    def _come(self, room: Room, key: Key, holder: str | int, number: int) -> None:
        room.weigh()
        self.changes.append(room.index)
        holders = room.held.get(key)
        if holders is None:
            holders = room.held[key] = {}
            self.where.setdefault(key, {})[room.index] = holders
        holders[holder] = number
        if self._censuses or key in self._watched:
            self._note(room, key, holder, number, 1)

    def _go(self, room: Room, key: Key, holder: str | int, number: int) -> None:
        room.weigh()
        holders = room.held[key]
        if self._censuses or key in self._watched:
            self._note(room, key, holder, number, -1)
        del holders[holder]
        if not holders:
            del room.held[key], self.where[key][room.index]
        self.lanes.clear()

    def _note(self, room: Room, key: Key, holder: str | int, number: int, change: int) -> None:
        facts = room.facts
        for label, tally in self._tallies.get(key, _NONE).items():
            if (value := facts.get(label)) is not None:
                tally.note(value, number, change, leaving=holder in self.leaving)
        for label, census in self._censuses.items():
            if (value := facts.get(label)) is not None:
                census.note(value, key, change)
        if aversion := self._aversions.get(key):
            self._shun(room, key, aversion, change)

    def _shun(self, room: Room, key: Key, aversion: Aversion, change: int) -> None:
        shunned = room.shunned
        if aversion.per is not None:
            value = room.facts.get(aversion.per)
            if value is None:
                return
            shunned = self.shunned.setdefault(aversion.per, {}).setdefault(value, {})
        for ref in aversion.refs:
            by = shunned.setdefault(ref, {})
            by[key] = by.get(key, 0) + change
            if not by[key]:
                del by[key]
            if not by:
                del shunned[ref]


def rooms_of(fleet: Fleet, gone: Collection[str] = (), rules: Mapping[Key, Rules] | None = None) -> Board:
    """Return the room on every node, less what the observed instances of all apps hold.

    Containers that are ``gone`` hold nothing but their port, those on nodes that are lost nothing at all.
    ``rules`` go before those that the fleet knows of the same processes.
    """
    board = Board(fleet.nodes, {**fleet.rules, **(rules or {})})
    board.load(fleet.instances, gone)
    return board
