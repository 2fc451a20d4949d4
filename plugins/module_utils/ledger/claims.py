# SPDX-License-Identifier: GPL-3.0-or-later
"""What plans take of the machines before it can be seen there, so that two apps never count on the same.

A plan is made from a look at the machines and from the claims of other apps that the look may miss. By the
time it is carried out others may have claimed too: then it must be made again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from .clock import Instant
from .lease import ended_since


@dataclass(frozen=True)
class Want:
    """One instance that a plan is about to start. Memory in bytes, cpu in cores."""

    slot: str  # shop.web.1
    node: str
    port: int | None
    memory: int
    cpu: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Claim:
    """A want that was granted. It ends with the lease of its app, or before."""

    id: int  # grows with time, over all apps
    app: str
    want: Want
    end: Instant

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for whoever plans around it."""
        return self.want.as_dict() | {"app": self.app}


@dataclass(frozen=True)
class Room:
    """What a plan leaves free on a node. Memory in bytes, cpu in cores."""

    memory: int = 0
    cpu: float = 0.0


@dataclass(frozen=True)
class Bid:
    """What a plan wants, and what it knows: a look of ``since_look`` seconds ago, claims up to ``seen``."""

    wants: Sequence[Want] = ()
    room: Mapping[str, Room] = field(default_factory=dict)  # node -> what the plan leaves there
    seen: int = 0
    since_look: float = 0.0


def standing(claims: Iterable[Claim], now: Instant, since_look: float) -> tuple[Claim, ...]:
    """Return the claims that a look may miss: they stand, or ended after it began."""
    return tuple(claim for claim in claims if ended_since(claim.end, now, since_look))


def conflicts(bid: Bid, others: Collection[Claim]) -> tuple[str, ...]:
    """Return in words why the wants cannot be granted beside the standing claims of other apps."""
    return (*port_conflicts(bid.wants, others), *_room_conflicts(bid, others))


def port_conflicts(wants: Iterable[Want], others: Iterable[Claim]) -> Iterator[str]:
    """Yield the wants whose port is claimed, in words."""
    holders = {(claim.want.node, claim.want.port): claim.want.slot for claim in others}
    for want in wants:
        holder = holders.get((want.node, want.port))
        if holder and want.port is not None:
            yield f"{want.slot} wants port {want.port} of {want.node}, which {holder} has claimed"


def _room_conflicts(bid: Bid, others: Iterable[Claim]) -> Iterator[str]:
    """Yield the nodes on which the plan's leftover does not hold what was claimed since it was made."""
    newer = [claim for claim in others if claim.id > bid.seen]
    for node in sorted({want.node for want in bid.wants}):
        room = bid.room.get(node, Room())
        taken = [claim.want for claim in newer if claim.want.node == node]
        memory, cpu = sum(want.memory for want in taken), sum(want.cpu for want in taken)
        # Thousandths of a core: sums of these do not drift.
        if taken and (memory > room.memory or round(cpu * 1000) > round(room.cpu * 1000)):
            yield (
                f"{node} has {format_size(max(room.memory, 0))} and {room.cpu:g} cpu left,"
                f" and others have claimed {format_size(memory)} and {cpu:g} cpu of it since"
            )
