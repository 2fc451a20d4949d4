# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a slot stands where it stands: every node with its score by term, or with the first reason why not.

Explanations are made on demand: a witness is set beside the board, sees each choice as it is made, and costs
nothing where there is none. What is decided depends on input alone, so placing once more decides the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance, Slot

from .board import Board
from .feasible import refusal
from .rank import Score, score, terms
from .shape import Shape

_STAYS = "it stands there, and nothing moves that need not"
_BEST = "the best score"
_MADE_WAY = "another slot had nowhere else to go: this one made way"


@dataclass(frozen=True)
class Considered:
    """One node as it was when the slot was placed: its score by term, the lower the better, or a refusal."""

    node: str
    terms: Mapping[str, float] = field(default_factory=dict)
    refusal: str | None = None

    def __str__(self) -> str:
        """Return the score or the refusal in words."""
        return self.refusal or ", ".join(f"{name} {value:g}" for name, value in self.terms.items())


@dataclass(frozen=True)
class Explanation:
    """Why a slot stands on a node, None if on none. The best of the nodes come first, refusals last."""

    slot: Slot
    node: str | None
    why: str
    nodes: tuple[Considered, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        nodes = [{"node": it.node, "terms": dict(it.terms), "refusal": it.refusal} for it in self.nodes]
        return {"slot": str(self.slot), "node": self.node, "why": self.why, "nodes": nodes}

    def __str__(self) -> str:
        """Return it as people read it."""
        width = max((len(it.node) for it in self.nodes), default=0)
        head = f"{self.slot} on {self.node}: {self.why}" if self.node else f"{self.slot} fits nowhere"
        signs = {self.node: ">"}
        lines = [f"  {signs.get(it.node, ' ')} {it.node:<{width}}  {it}" for it in self.nodes]
        return "\n".join([head, *lines])


class Witness:
    """Sees how slots are placed: those that are asked for, or all."""

    def __init__(self, wanted: Collection[Slot] | None = None) -> None:
        """Ask for some slots; None asks for all."""
        self._wanted = wanted
        self._seen: dict[Slot, tuple[Considered, ...]] = {}

    def wants(self, slot: Slot) -> bool:
        """Say whether a slot is asked for."""
        return self._wanted is None or slot in self._wanted

    def see(
        self, shape: Shape, number: int | None, board: Board, slot: Slot, asks: Shape | None = None
    ) -> None:
        """Keep how all nodes are, right before a slot is placed.

        With a ``number``, an old instance of it counts once with the new one. ``asks``: the shape with those
        who must come along.
        """
        if self.wants(slot):
            self._seen[slot] = considered(shape, number, board, asks)

    def tell(self, slot: Slot, node: str | None, home: str | None = None) -> Explanation:
        """Return why a slot that was placed stands on a node, or on none; ``home``: where it stood before."""
        nodes = self._seen.get(slot, ())
        best = next((it.node for it in nodes if it.refusal is None), None)
        why = _STAYS if node == home else _BEST if node in (best, None) else _MADE_WAY
        return Explanation(slot, node, why, nodes)

    def tell_kept(self, instance: Instance, shape: Shape, board: Board) -> Explanation:
        """Return why an instance stays; the other nodes are as if it had to be placed now."""
        board.drop(instance)
        nodes = considered(shape, instance.slot.number, board)
        board.add(instance)
        return Explanation(instance.slot, instance.node, _STAYS, nodes)


def considered(
    shape: Shape, number: int | None, board: Board, asks: Shape | None = None
) -> tuple[Considered, ...]:
    """Return every node with its score or its refusal, the best first."""
    free: list[tuple[Score, Considered]] = []
    refused: list[Considered] = []
    for room in board.rooms:
        reason = refusal(room, shape, number)
        if not reason and asks and refusal(room, asks, number):
            reason = "has no room for those who must come along"
        if reason:
            refused.append(Considered(room.name, refusal=reason))
        else:
            free.append((score(room, shape), Considered(room.name, terms(room, shape))))
    return (*(it for _, it in sorted(free, key=lambda each: each[0])), *refused)
