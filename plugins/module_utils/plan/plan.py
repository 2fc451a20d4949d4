# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy will do, decided before anything is touched: reconcile, then place. Printable."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    Board,
    Explanation,
    Shape,
    Witness,
    rooms_of,
)

from .canary import Chosen, chosen
from .homes import homes_of
from .reconcile import Look, Need, Reconciled, reconcile
from .sequence import Placed, Sequence, sequence
from .together import left_behind

Kind = Literal["start", "replace", "move", "stop", "keep"]
SIGNS: dict[Kind, str] = {"start": "+", "replace": "~", "move": ">", "stop": "-", "keep": "="}


@dataclass(frozen=True)
class Action:
    """What happens to one slot, or to one instance too many, and why.

    ``old`` is the observed instance that is kept, replaced or stopped; ``new`` the one to start, whose
    container is known by its name until it exists. Both with kind replace (same node) and move (another
    node). ``step`` is the step in which it happens, from 1; 0 for what is kept. ``stop_first``: the old one
    stops before its step's starts, not after.
    """

    kind: Kind
    slot: Slot
    reason: str
    old: Instance | None = None
    new: Instance | None = None
    step: int = 0
    stop_first: bool = False

    @property
    def after(self) -> Instance | None:
        """The instance that fills the slot when all is done; None if it is stopped for good."""
        return self.old if self.kind == "keep" else self.new

    @property
    def node(self) -> str:
        """The node on which the slot stands when all is done; for a stop, where it stood."""
        instance = self.new or self.old
        return instance.node if instance else ""


@dataclass(frozen=True)
class Manner:
    """How instances are replaced: which processes in one step, and whether some may try the release first.

    ``moves``: slots that shall stand on another node than now. ``move_volumes``: what has volumes may leave
    them, and begin anew. A ``witness`` sees how slots are placed.
    """

    at_once: Collection[str] = ()
    trying: bool = True
    moves: Mapping[Slot, str] = field(default_factory=dict)
    witness: Witness | None = None
    move_volumes: bool = False


USUAL = Manner()


@dataclass(frozen=True)
class Plan:
    """All actions for one app, sorted by slot, and the release that will be active: None for a removal.

    The ``canary`` tries the release before anything else starts. If a killed run has started all of it, no
    step is its own.
    """

    app: str
    release: int | None
    is_new_release: bool
    actions: tuple[Action, ...]
    canary: Chosen | None = None

    @property
    def touches_nodes(self) -> bool:
        """Whether any container is started, stopped or removed."""
        return any(action.kind != "keep" for action in self.actions)

    @property
    def untried(self) -> tuple[Instance, ...]:
        """What a killed run has started as its canary."""
        slots = self.canary.slots if self.canary else ()
        kept = (action.old for action in self.actions if action.kind == "keep" and action.slot in slots)
        return tuple(instance for instance in kept if instance)

    @property
    def changed(self) -> bool:
        """Whether the deploy has anything to do, be it only a new release or new routes."""
        return self.is_new_release or self.touches_nodes

    def count(self, kind: Kind) -> int:
        """Return how many actions are of one kind."""
        return sum(action.kind == kind for action in self.actions)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for playbooks, as it comes back from JSON, with ``changed`` and ``text``."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data | {"changed": self.changed, "text": str(self)}

    def __str__(self) -> str:
        """Return the plan node by node, as people read it before a deploy."""
        width = max((len(str(action.slot)) for action in self.actions), default=0)
        by_node: dict[str, list[str]] = {}
        for action in self.actions:
            for node, sign, words in _lines(action):
                by_node.setdefault(node, []).append(f"    {sign} {action.slot!s:<{width}}  {words}")
        lines = [line for node in sorted(by_node) for line in (f"  {node}", *by_node[node])]
        return "\n".join([self._headline(), *lines])

    def _headline(self) -> str:
        release = "removal" if self.release is None else f"release v{self.release}"
        unchanged = "" if self.is_new_release or self.release is None else " (unchanged)"
        counts = ", ".join(f"{n} {kind}" for kind in SIGNS if (n := self.count(kind)))
        return f"plan for {self.app}, {release}{unchanged}: {counts or 'nothing to run'}"


def _lines(action: Action) -> Iterable[tuple[str, str, str]]:
    """Return node, sign and words; a move is seen on both of its nodes."""
    if action.kind == "move" and action.old:
        yield action.old.node, SIGNS["move"], f"to {action.node}: {action.reason}"
        yield action.node, SIGNS["move"], f"from {action.old.node}"
    else:
        yield action.node, SIGNS[action.kind], action.reason


def plan(
    configuration: Configuration,
    fleet: Fleet,
    active: tuple[int, str] | None,
    next_number: int,
    manner: Manner = USUAL,
) -> Plan:
    """Return what makes the fleet run this configuration.

    ``active`` is the active release's number and configuration hash, ``next_number`` the number that a new
    release would get. Raises NoRoom when an instance fits on no node, FairleadError when there cannot be the
    canary that there should be.
    """
    release = active[0] if active and active[1] == configuration.hash() else None
    arranged = _arranged(configuration, fleet, manner, repairing=release is not None)
    found, order, canary = arranged.found, arranged.order, arranged.canary
    number = next_number if release is None else release
    actions = [
        *(Action("keep", i.slot, f"unchanged since v{i.release}", old=i) for i in found.kept),
        *_starts(order.placed, fleet, number),
        *_stops(found, order),
    ]
    return Plan(
        configuration.app, number, release is None, tuple(sorted(actions, key=_place_in_plan)), canary
    )


def _arranged(configuration: Configuration, fleet: Fleet, manner: Manner, *, repairing: bool) -> _Arranged:
    """Return what is kept, and where and when the rest goes.

    Whom others must be with may have to move for want of room, and these with it. That is known only when all
    is placed: then all is placed once more, with those known to leave.
    """
    displaced = _sent_away(fleet.of_app(configuration.app), manner.moves)
    homes = homes_of([configuration], fleet)
    while True:
        board = _board(configuration, fleet)
        board.witness = manner.witness
        board.publish(Shape.of(configuration.app, process) for process in configuration.processes)
        look = Look(repairing, displaced, homes=homes, free=manner.move_volumes)
        found = reconcile(configuration, fleet.of_app(configuration.app), board, look)
        canary = chosen(configuration, found, manner.at_once) if manner.trying and not repairing else None
        needs = [_in_manner(need, manner) for need in found.needs]
        surplus = [item.instance for item in found.surplus if item.instance.running]
        homeless = [need.leaves for need in needs if need.leaves and need.home != need.leaves.node]
        for instance in (*surplus, *homeless):
            board.add(instance, leaving=True)
        order = sequence(needs, surplus, board, configuration.update, canary.slots if canary else ())
        strays = left_behind(configuration, found.kept, order.placed, fleet)
        if strays.keys() <= displaced.keys():
            return _Arranged(found, order, canary, board)
        displaced |= strays


def explanations(
    configuration: Configuration,
    fleet: Fleet,
    active: tuple[int, str] | None,
    manner: Manner = USUAL,
    wanted: Collection[Slot] | None = None,
) -> tuple[Explanation, ...]:
    """Return why each slot stands where the plan has it, or of some slots; sorted by slot.

    The arguments are those of ``plan``, which is made once more for this. Raises as that does.
    """
    witness = Witness(wanted)
    repairing = active is not None and active[1] == configuration.hash()
    made = _arranged(configuration, fleet, replace(manner, witness=witness), repairing=repairing)
    shapes = {process.name: Shape.of(configuration.app, process) for process in configuration.processes}
    told = [
        *(
            witness.tell(it.need.slot, it.choice.node, it.need.home)
            for it in made.order.placed
            if witness.wants(it.need.slot)
        ),
        *(
            witness.tell_kept(one, shapes[one.slot.process], made.board)
            for one in made.found.kept
            if witness.wants(one.slot)
        ),
    ]
    return tuple(sorted(told, key=lambda it: it.slot))


@dataclass(frozen=True)
class _Arranged:
    found: Reconciled
    order: Sequence
    canary: Chosen | None
    board: Board


def removal_plan(app: str, fleet: Fleet) -> Plan:
    """Return the plan that stops and removes all that the fleet runs of an app."""
    everything = plan(Configuration(app, ()), fleet, None, 0)
    actions = tuple(replace(action, reason=f"{app} is removed") for action in everything.actions)
    return Plan(app, None, is_new_release=False, actions=actions)


def _sent_away(instances: Iterable[Instance], moves: Mapping[Slot, str]) -> dict[str, str]:
    """Return the containers that are to stand elsewhere, and why they cannot stay."""
    sent = ((one, moves.get(one.slot, one.node)) for one in instances if one.running)
    return {one.container: f"{node} was chosen for it" for one, node in sent if node != one.node}


def _in_manner(need: Need, manner: Manner) -> Need:
    """Return the need, bound to the node that was chosen for it, if one was."""
    need = replace(need, at_once=need.process.name in manner.at_once)
    node = manner.moves.get(need.slot)
    held = need.kept and need.only
    return replace(need, home=node, only=True) if node and need.leaves and not held else need


def _board(configuration: Configuration, fleet: Fleet) -> Board:
    """Return the room on the nodes; what does not run of this app will be removed and holds nothing."""
    app = configuration.app
    rules = {(app, process.name): process.rules for process in configuration.processes}
    return rooms_of(fleet, {i.container for i in fleet.of_app(app) if not i.running}, rules)


def _starts(placed: Iterable[Placed], fleet: Fleet, release: int) -> Iterable[Action]:
    names = {(instance.node, instance.name) for instance in fleet.instances}
    for item in placed:
        new = _instance(item, release, names)
        kind = _kind(item.need, new)
        reason = "; ".join(filter(None, [item.need.reason, item.note, _left(item)]))
        yield Action(kind, new.slot, reason, item.need.old, new, item.step, item.stop_first)


def _left(item: Placed) -> str:
    """Say what an instance leaves behind that goes away from its volumes."""
    kept = item.need.kept
    if kept is None or kept.node == item.choice.node:
        return ""
    return f"begins with nothing in {', '.join(kept.volumes)}: what it had stays on {kept.node}"


def _kind(need: Need, new: Instance) -> Kind:
    if need.old is None:
        return "start"
    return "replace" if need.old.node == new.node else "move"


def _instance(item: Placed, release: int, names: set[tuple[str, str]]) -> Instance:
    spec = item.need.process.spec
    name = _free_name(f"{item.need.slot}-v{release}", item.choice.node, names)
    return Instance(
        slot=item.need.slot,
        node=item.choice.node,
        container=name,
        name=name,
        release=release,
        image=spec.image,
        spec=spec.hash(),
        memory=spec.memory,
        cpu=spec.cpu,
        port=item.choice.port,
    )


def _free_name(wanted: str, node: str, names: set[tuple[str, str]]) -> str:
    name, count = wanted, 1
    while (node, name) in names:
        count += 1
        name = f"{wanted}-{count}"
    return name


def _stops(found: Reconciled, order: Sequence) -> Iterable[Action]:
    early = "; stopped first, to make room" if order.surplus_early else ""
    for item in found.surplus:
        reason = item.reason + (early if item.instance.running else "")
        yield Action("stop", item.instance.slot, reason, item.instance, step=order.surplus_step)


def _place_in_plan(action: Action) -> tuple[Slot, str, str, str]:
    return action.slot, action.node, action.kind, action.old.container if action.old else ""
