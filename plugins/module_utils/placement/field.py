# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a shape may use by what never changes while placing: state, reservation, labels and facts.

Worked out once for all shapes that ask the same. The nodes kept for some apps are parts of their own, so that
what belongs to everybody is shared also by those who have more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ansible_collections.fairlead.paas.plugins.module_utils.constraints import Constraint
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import ACTIVE, CORDONED

from .room import Room
from .shape import Preference, Shape

Reservation = tuple[str, ...]  # apps; empty: nodes for everybody
Kind = tuple[int, str | None]  # the weight of the preferences that a node meets, its value of ``spread``
Cut = Mapping[Kind, Sequence[Room]]
_Wishes = tuple[str | None, tuple[Preference, ...]]
_PLAIN: Kind = (0, None)


class Part:
    """The nodes of one reservation that meet some constraints."""

    __slots__ = ("_values", "cuts", "indices", "keeping", "rooms")

    def __init__(self, rooms: list[Room]) -> None:
        """Begin with nodes in any state."""
        self.rooms = [room for room in rooms if room.node.state == ACTIVE]
        self.indices = frozenset(room.index for room in self.rooms)
        # The names of those that keep what stands there.
        self.keeping = frozenset(room.name for room in rooms if room.node.state in (ACTIVE, CORDONED))
        self._values: dict[str, frozenset[str]] = {}
        self.cuts: dict[_Wishes, Cut] = {}

    def values(self, label: str) -> frozenset[str]:
        """Return the values of a label on active nodes."""
        if label not in self._values:
            found = (room.facts.get(label) for room in self.rooms)
            self._values[label] = frozenset(value for value in found if value is not None)
        return self._values[label]


class Fields:
    """The parts of all shapes."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        """Begin with all rooms."""
        self._rooms = rooms
        self._reserved: dict[Reservation, list[Room]] = {(): []}
        for room in rooms:
            self._reserved.setdefault(room.node.reserved_for, []).append(room)
        self._of_app: dict[str, list[Reservation]] = {}
        for apps in sorted(self._reserved):
            for app in apps:
                self._of_app.setdefault(app, []).append(apps)
        self._meeting: dict[Constraint, frozenset[int]] = {}
        self._kinds: dict[_Wishes, list[Kind]] = {}
        self._parts: dict[tuple[Reservation, tuple[Constraint, ...]], Part] = {}
        # With each shape that has been here, so that its id is nobody else's.
        self._known: dict[int, tuple[tuple[Part, ...], Shape]] = {}

    def parts(self, shape: Shape) -> tuple[Part, ...]:
        """Return the nodes for everybody, then those that are kept for the shape's app among others."""
        known = self._known.get(id(shape))
        if known is None:
            own = self._of_app.get(shape.app, ())
            parts = tuple(self._part(apps, shape.constraints) for apps in ((), *own))
            known = self._known[id(shape)] = (parts, shape)
        return known[0]

    def meeting(self, constraint: Constraint) -> frozenset[int]:
        """Return the indices of the nodes that meet a constraint."""
        if constraint not in self._meeting:
            allows = constraint.allows
            self._meeting[constraint] = frozenset(room.index for room in self._rooms if allows(room.facts))
        return self._meeting[constraint]

    def kinds(self, shape: Shape) -> Sequence[Kind]:
        """Return by index of the node what of it counts before a strategy does."""
        wishes = shape.spread, shape.preferences
        if wishes not in self._kinds:
            weights = dict.fromkeys(range(len(self._rooms)), 0)
            for preference in shape.preferences:
                for index in self.meeting(preference.constraint):
                    weights[index] += preference.weight
            label = shape.spread
            self._kinds[wishes] = [
                (weights[room.index], room.facts.get(label) if label else None) for room in self._rooms
            ]
        return self._kinds[wishes]

    def cut(self, rooms: Sequence[Room], shape: Shape) -> Cut:
        """Return rooms of each kind."""
        if not rooms:
            return {}
        if not shape.spread and not shape.preferences:
            return {_PLAIN: rooms}
        kinds, cut = self.kinds(shape), defaultdict[Kind, list[Room]](list)
        for room in rooms:
            cut[kinds[room.index]].append(room)
        return cut

    def cut_part(self, part: Part, shape: Shape) -> Cut:
        """Return the rooms of each kind in a part; worked out once for all shapes that wish the same."""
        wishes = shape.spread, shape.preferences
        if wishes not in part.cuts:
            part.cuts[wishes] = self.cut(part.rooms, shape)
        return part.cuts[wishes]

    def _part(self, apps: Reservation, constraints: tuple[Constraint, ...]) -> Part:
        at = apps, constraints
        if at not in self._parts:
            rooms = self._reserved[apps]
            for constraint in constraints:
                allowed = self.meeting(constraint)
                rooms = [room for room in rooms if room.index in allowed]
            self._parts[at] = Part(rooms)
        return self._parts[at]
