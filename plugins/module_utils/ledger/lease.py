# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may change an app: one holder at a time, for as long as it renews, under a token that only grows.

A lease is live until its end; renewing moves the end on, releasing puts it to now. A lease that ran out may
be renewed as long as nobody took it over; one that was released may not.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .clock import Instant
from .session import Lost

TTL = 15.0  # seconds that a lease lives without being renewed
LOOK_LASTS = 24 * 3600.0  # seconds: an older look is no look, and what ended longer ago is forgotten


@dataclass(frozen=True)
class Holder:
    """The run that holds a lease: the person, the machine it runs on, and what it is about to do."""

    who: str
    host: str
    what: str = ""  # deploy shop

    def __str__(self) -> str:
        """Return ``ada on laptop (deploy shop)``."""
        return f"{self.who} on {self.host}" + (f" ({self.what})" if self.what else "")


@dataclass(frozen=True)
class Lease:
    """The newest lease of an app. ``dirty``: changes were begun under it, or before it, and not settled."""

    token: int
    holder: Holder
    since: str  # UTC
    end: Instant
    released: bool = False
    dirty: bool = False

    def left(self, now: Instant) -> float:
        """Return the seconds for which it is still valid; 0 or less when it is over."""
        return self.end.on(now) - now.seconds


class Held(FairleadError):
    """Somebody else changes the app; ``by`` says who, from where, for what, since when, how much longer."""

    def __init__(self, app: str, lease: Lease, left: float) -> None:
        """Say the holder."""
        self.by: dict[str, Any] = asdict(lease.holder) | {"since": lease.since, "left": round(left, 1)}
        super().__init__(
            f"{app} is held by {lease.holder} since {lease.since},"
            f" for another {math.ceil(left)} s unless it is renewed."
        )


def taken(app: str, last: Lease | None, holder: Holder, now: Instant, at: str) -> Lease:
    """Return the lease that follows the last one. Raises Held while that is live.

    What the last run did not settle stays unsettled: the next one must know, however many die between.
    """
    if last and last.left(now) > 0:
        raise Held(app, last, last.left(now))
    number = last.token + 1 if last else 1
    return Lease(number, holder, at, now.later(TTL), dirty=last is not None and last.dirty)


def is_look(since_look: float) -> bool:
    """Return whether a plan may be made from a look that began so many seconds ago."""
    return 0 <= since_look <= LOOK_LASTS


def is_stale(last: Lease | None, now: Instant, since_look: float) -> bool:
    """Return whether a look that began so many seconds ago may miss what was done under the last lease."""
    missed = last is not None and (last.dirty or ended_since(last.end, now, since_look))
    return missed or not is_look(since_look)


def ended_since(end: Instant, now: Instant, since_look: float) -> bool:
    """Return whether something is still to end, or ended no sooner than so many seconds ago."""
    return end.on(now) >= now.seconds - since_look


def renewed(app: str, lease: Lease, now: Instant) -> Lease:
    """Return the lease with a new end. Raises Lost when it was released."""
    if lease.released:
        raise Lost(f"The lease of {app} was released: run again.")
    return replace(lease, end=now.later(TTL))


def released(lease: Lease, now: Instant) -> Lease:
    """Return the lease as over; one that is over already keeps its end."""
    return replace(lease, released=True, end=now if lease.left(now) > 0 else lease.end)


def current(app: str, lease: Lease | None, token: int) -> Lease:
    """Return the newest lease, live or not. Raises Lost unless it has this token."""
    newest = lease.token if lease else 0
    if lease and token < newest:
        raise Lost(f"The lease of {app} was taken over by {lease.holder} at {lease.since}.")
    if lease is None or token > newest:
        raise Lost(f"There was no lease of {app} with token {token}; the newest has {newest}.")
    return lease
