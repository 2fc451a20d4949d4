# SPDX-License-Identifier: GPL-3.0-or-later
"""Where instances have their volumes: on these nodes they stay, for nowhere else would they find their data.

Observed, not remembered: volumes say whose they are. What cannot be seen, because its node is gone, can only
be told from the active release.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Configuration,
    Process,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key

_Merit = tuple[bool, bool, int, str]


class Home(NamedTuple):
    """The node on which a slot's volumes are, and their names in the app file."""

    node: str
    volumes: tuple[str, ...]

    def __str__(self) -> str:
        """Return ``its volume data is on n2``."""
        several = len(self.volumes) > 1
        return (
            f"its volume{'s' * several} {', '.join(self.volumes)} {'are' if several else 'is'} on {self.node}"
        )


NOWHERE: Mapping[int, Home] = {}
Homes = Mapping[Key, Mapping[int, Home]]
"""By process and slot number."""


def homes_of(configurations: Iterable[Configuration], fleet: Fleet) -> Homes:
    """Return where the slots of these apps have volumes that bind them.

    Of several nodes it is the one on which an instance of the slot runs, else one that has a container of it,
    else the one with the newest volume: an update that was taken back may have left an empty one elsewhere.
    """
    binding = _binding(configurations)
    if not binding or not fleet.volumes:
        return {}
    nodes = {node.name for node in fleet.nodes}
    found: dict[Key, dict[int, dict[str, list[tuple[str, int]]]]] = {}
    for each in fleet.volumes:
        key = each.slot.app, each.slot.process
        if each.name in binding.get(key, ()) and each.node in nodes:
            on = found.setdefault(key, {}).setdefault(each.slot.number, {})
            on.setdefault(each.node, []).append((each.name, each.created))
    containers = {(one.slot, one.node) for one in fleet.instances}
    running = {(one.slot, one.node) for one in fleet.instances if one.running}

    def merit(slot: Slot, on: Mapping[str, Iterable[tuple[str, int]]], node: str) -> _Merit:
        return (slot, node) in running, (slot, node) in containers, max(it for _, it in on[node]), node

    homes: dict[Key, dict[int, Home]] = {}
    for key, numbers in found.items():
        for number, on in numbers.items():
            slot = Slot(*key, number)
            best = max(on, key=partial(merit, slot, on))
            names = tuple(sorted(name for name, _ in on[best]))
            homes.setdefault(key, {})[number] = Home(best, names)
    return homes


def bound(slot: Slot, home: Home, why: str) -> str:
    """Return why a slot that its volumes hold cannot stand where they are, and what to do."""
    return (
        f"{slot}: {home}, which {why}. -e move_volumes=true lets it begin anew elsewhere, without what is in"
        f" {', '.join(home.volumes)}"
    )


def refuse_unseen(
    wanted: Configuration, before: Configuration | None, starting: Collection[Slot], fleet: Fleet
) -> None:
    """Raise FairleadError if a slot would begin empty because its node cannot be seen.

    ``before`` is the active release: all its slots have had their volumes. ``starting`` are the slots that
    get a new instance.
    """
    known = homes_of([wanted], fleet)
    had = {process.name: process for process in before.processes} if before else {}
    for process in wanted.processes:
        seen = known.get((wanted.app, process.name), {})
        empty = [it for it in starting if it.process == process.name and it.number not in seen]
        if empty and len(seen) < _had(process, had.get(process.name)):
            nodes = ", ".join(node.name for node in fleet.nodes)
            raise FairleadError(
                f"{min(empty)} would begin with nothing in {', '.join(process.spec.binding)}: it has run"
                f" before, and none of the nodes that were seen ({nodes}) has its volume. Bring the node back"
                " that has; if its data is lost or nobody needs it, -e move_volumes=true lets it begin anew"
            )


def refuse_moves(wanted: Configuration, moves: Mapping[Slot, str], fleet: Fleet) -> None:
    """Raise FairleadError if a slot is sent away from its volumes."""
    homes = homes_of([wanted], fleet)
    for slot, node in moves.items():
        home = homes.get((slot.app, slot.process), {}).get(slot.number)
        if home and home.node != node:
            raise FairleadError(bound(slot, home, f"is not {node}"))


@dataclass(frozen=True)
class Remains:
    """The volumes of an app that is removed: by node, the engine's names; and whether they go too."""

    on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    removed: bool = False

    @property
    def goes(self) -> Mapping[str, tuple[str, ...]]:
        """What is removed, by node."""
        return self.on if self.removed else {}

    def lines(self) -> Iterator[str]:
        """Yield it as the plan prints it."""
        sign, what = ("-", "is removed") if self.removed else ("=", "stays")
        for node, names in self.on.items():
            yield f"  {node}"
            yield from (f"    {sign} {name}  the volume {what}" for name in names)
        if self.on and not self.removed:
            yield "  To remove the volumes too, with all that is in them: -e remove_volumes=true"


def stored_of(app: str, fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Return node → the engine's names of the volumes of an app."""
    ours = [each for each in fleet.volumes if each.slot.app == app]
    return {
        node: tuple(f"{each.slot}.{each.name}" for each in ours if each.node == node)
        for node in sorted({each.node for each in ours})
    }


def _had(process: Process, before: Process | None) -> int:
    """Return how many slots of a process must have volumes that it still has."""
    if before is None or GLOBAL in (process.rules.mode, before.rules.mode):
        return 0
    return before.scale if {*process.spec.binding} & {*before.spec.binding} else 0


def _binding(configurations: Iterable[Configuration]) -> dict[Key, tuple[str, ...]]:
    return {
        (each.app, process.name): names
        for each in configurations
        for process in each.processes
        if (names := process.spec.binding)
    }
