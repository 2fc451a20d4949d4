# SPDX-License-Identifier: GPL-3.0-or-later
"""The durable record on the manager: leases, claims, releases, and the events they make.

Times that are kept are UTC, ISO 8601, in whole seconds; whether a lease is live is told by one clock alone,
that of the manager, or of the database that managers share. Every change is one transaction that is on the
disk before the call returns; a writer that is killed leaves no trace.

A run takes the lease with ``begin``, renews it while it works, says with ``claim`` what it is about to start,
says how that ended (``activate``, ``fail``, ``settle``, ``remove``), and releases it. Each call carries the
token that ``begin`` gave, and a token that is not the newest of its app is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import ACTIVE

from .claims import Bid, Claim, conflicts, port_conflicts, standing
from .clock import Clock, Instant
from .deeds import Deeds, utc
from .history import PENDING, Move, Turn, activation, failure, removal
from .lease import (
    LOOK_LASTS,
    Holder,
    Lease,
    current,
    ended_since,
    is_look,
    is_stale,
    released,
    renewed,
    taken,
)
from .records import Bond, Draft, Event, Keep, NodeState, Release, Sealed
from .session import PATIENCE, Place, change
from .store import Store

NOBODY = Holder("", "")


@dataclass(frozen=True)
class Begun:
    """A lease that was taken, and what a plan starts from.

    ``stale``: the caller's look at the machines may miss what the last run did, so look again.
    ``claims`` are those of other apps that the look may miss, ``seen`` is the newest of all. ``nodes`` are
    those that are not as usual, ``bonds`` the rules of other apps that bind this one too.
    """

    token: int
    stale: bool
    releases: tuple[Release, ...]
    secrets: tuple[Sealed, ...]
    claims: tuple[Claim, ...]
    seen: int
    nodes: tuple[NodeState, ...]
    bonds: tuple[Bond, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        rows = {name: getattr(self, name) for name in ("releases", "secrets", "claims", "nodes", "bonds")}
        plain = {name: [row.as_dict() for row in some] for name, some in rows.items()}
        return {"token": self.token, "stale": self.stale, "seen": self.seen, **plain}


@dataclass(frozen=True)
class Claimed:
    """What became of a bid.

    With ``conflicts``, in words, nothing was written: plan again around ``claims`` and bid with ``seen``.
    ``number`` is the release that was opened or resumed, None without a draft.
    """

    conflicts: tuple[str, ...]
    claims: tuple[Claim, ...]
    seen: int
    number: int | None = None
    moves: tuple[Move, ...] = ()


class Ledger:
    """An open ledger. With ``readonly`` every change is made, returned, and taken back."""

    def __init__(
        self,
        place: Place,
        *,
        readonly: bool = False,
        patience: float = PATIENCE,
        clock: Clock | None = None,
    ) -> None:
        """Open an existing ledger of this schema. Raises LedgerError."""
        self._session = place.open(patience)
        self._readonly, self._clock = readonly, clock or self._session.now
        self._store = Store(self._session)

    def __enter__(self) -> Self:
        """Return the open ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ledger."""
        self._session.close()

    def releases(self, app: str, limit: int) -> tuple[Release, ...]:
        """Return the newest releases of an app and those that are open, newest first."""
        with self._session.saying():
            return self._store.releases(app, limit)

    def active(self) -> tuple[Release, ...]:
        """Return the active release of every app, by their names."""
        with self._session.saying():
            return self._store.active()

    def images(self) -> list[dict[str, Any]]:
        """Return app, number, state and image of every release, by app, newest first."""
        with self._session.saying():
            return self._store.images()

    def held(self) -> dict[str, str]:
        """Return the apps that somebody changes just now, and who."""
        with self._session.saying():
            now = self._clock()
            return {app: str(it.holder) for app, it in self._store.leases().items() if it.left(now) > 0}

    def events(self, app: str, limit: int) -> tuple[Event, ...]:
        """Return the newest events of an app, newest first."""
        with self._session.saying():
            return self._store.events(app, limit)

    def nodes(self) -> tuple[NodeState, ...]:
        """Return what was said of nodes, by their names; what is not among them is as usual."""
        with self._session.saying():
            return self._store.node_states()

    def bonds(self, app: str = "") -> tuple[Bond, ...]:
        """Return the rules of active releases that bind others, but those of one app."""
        with self._session.saying():
            return self._store.bonds(app)

    def mark(self, node: str, state: str, by: Holder, why: str = "") -> str:
        """Say what a node is from now on: ``active``, ``cordoned`` or ``draining``; return what it was."""
        with self.change() as store:
            before = next((it.state for it in store.node_states() if it.node == node), ACTIVE)
            if state == ACTIVE:
                store.forget_node_state(node)
            elif state != before:
                store.put_node_state(NodeState(node, state, by.who, by.host, utc(), why))
            return before

    def begin(self, app: str, holder: Holder, since_look: float, limit: int = 20) -> Begun:
        """Take the lease. The caller's look at the machines began ``since_look`` seconds ago.

        Raises Held while somebody else has it.
        """
        with self.change() as store:
            now, last = self._clock(), store.lease(app)
            lease = taken(app, last, holder, now, utc())
            if last:
                store.end_claims(app, last.end)
            else:
                lease = replace(lease, token=store.first_token())
            if last and not last.released:
                Deeds(store, app, holder).take_over(last)
            store.put_lease(app, lease)
            return Begun(
                token=lease.token,
                stale=is_stale(last, now, since_look),
                releases=store.releases(app, limit),
                secrets=store.secrets(app),
                claims=standing(_of_others(store, app), now, since_look),
                seen=store.last_claim(),
                nodes=store.node_states(),
                bonds=store.bonds(app),
            )

    def renew(self, app: str, token: int) -> None:
        """Keep the lease for another TTL. One that ran out is given again if nobody took it or its ports.

        Raises LedgerError.
        """
        with self.change() as store:
            now, lease = self._clock(), current(app, store.lease(app), token)
            again = renewed(app, lease, now)
            if lease.left(now) <= 0:
                _refuse_lost_ports(store, app, lease, now)
            store.put_lease(app, again)

    def release(self, app: str, token: int) -> None:
        """Give the lease back; a second time does nothing. Raises LedgerError if another has taken it."""
        with self.change() as store:
            store.put_lease(app, released(current(app, store.lease(app), token), self._clock()))

    def secrets(self, app: str) -> tuple[Sealed, ...]:
        """Return the values that the app's secrets have had, sealed."""
        with self._session.saying():
            return self._store.secrets(app)

    def claim(
        self, app: str, token: int, bid: Bid, draft: Draft | None = None, keep: Keep | None = None
    ) -> Claimed:
        """Claim what a plan is about to start, and open the release if there is a draft of one.

        From here on the lease is dirty until the run says how it ended. It is renewed; one that ran out is
        given again, since nobody took it. Raises LedgerError.
        """
        with self.change() as store:
            now = self._clock()
            lease = renewed(app, current(app, store.lease(app), token), now)
            if not is_look(bid.since_look):
                raise ValueError("The look that the plan was made from is too old: run again")
            others = standing(_of_others(store, app), now, bid.since_look)
            if reasons := conflicts(bid, others):
                return Claimed(reasons, others, store.last_claim())
            store.end_claims(app, now)
            store.forget(claim for claim in store.claims() if not ended_since(claim.end, now, LOOK_LASTS))
            store.add_claims(app, bid.wants)
            store.put_lease(app, replace(lease, dirty=True))
            number, moves = Deeds(store, app, lease.holder).open(draft) if draft else (None, ())
            if keep:
                store.keep_secrets(app, keep.secrets)
                store.forget_secrets(app, but=_secrets_of(store.releases(app, keep.retain)))
            return Claimed((), others, store.last_claim(), number, moves)

    def settle(self, app: str, token: int) -> None:
        """Say that what was begun is done or undone, where no release is to be closed. Raises LedgerError."""
        with self.change() as store:
            self._settled(store, app, token)

    def activate(
        self, app: str, number: int, outcome: str = "", token: int | None = None
    ) -> tuple[Move, ...]:
        """Make the pending release the active one. Raises LedgerError if it is neither.

        With ``readonly`` the next release counts as pending: a real run would have opened it.
        """
        with self.change() as store:
            deeds = self._settled(store, app, token)
            turns = store.turns(app)
            if self._readonly and number == (turns[-1].number if turns else 0) + 1:
                turns = (*turns, Turn(number, PENDING, ""))
            return deeds.move(activation(turns, number, outcome))

    def fail(self, app: str, number: int, outcome: str, token: int | None = None) -> tuple[Move, ...]:
        """Mark the pending release failed. Raises LedgerError if it is neither."""
        with self.change() as store:
            deeds = self._settled(store, app, token)
            return deeds.move(failure(store.turns(app), number, outcome))

    def remove(self, app: str, token: int | None = None) -> tuple[Move, ...]:
        """Mark what is active as removed, and what is pending as failed."""
        with self.change() as store:
            deeds = self._settled(store, app, token)
            return deeds.move(removal(store.turns(app), utc()))

    @contextmanager
    def change(self) -> Iterator[Store]:
        """Hold the ledger for one change: all of it is on the disk afterwards, or none."""
        with change(self._session, keep=not self._readonly):
            yield self._store
            self._store.count_change()

    def _settled(self, store: Store, app: str, token: int | None) -> Deeds:
        """Make the lease clean, end its claims, and return its holder's deeds; without a token nobody's."""
        if token is None:
            return Deeds(store, app, NOBODY)
        lease = current(app, store.lease(app), token)
        store.put_lease(app, replace(lease, dirty=False))
        store.end_claims(app, self._clock())
        return Deeds(store, app, lease.holder)


def _of_others(store: Store, app: str) -> list[Claim]:
    return [claim for claim in store.claims() if claim.app != app]


def _refuse_lost_ports(store: Store, app: str, lease: Lease, now: Instant) -> None:
    """Raise ValueError if a port that is claimed under a lease that ran out was claimed by another since."""
    mine = [claim.want for claim in store.claims() if claim.app == app and claim.end == lease.end]
    since = now.seconds - lease.end.on(now)
    if lost := next(port_conflicts(mine, standing(_of_others(store, app), now, since)), None):
        raise ValueError(f"The lease of {app} ran out, and now {lost}: run again")


def _secrets_of(releases: Iterable[Release]) -> set[tuple[str, str]]:
    """Return the names and hashes of the secrets in the configurations of releases."""
    processes = (each for release in releases for each in release.configuration.get("processes", ()))
    return {item for each in processes for item in each.get("spec", {}).get("secrets", {}).items()}
