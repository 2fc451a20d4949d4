# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run does to one app within one transaction; every deed is told as an event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from .history import ACTIVE, FAILED, PENDING, REMOVED, Move, opening
from .lease import Holder, Lease
from .records import Draft
from .store import Store

# The state that a release comes to -> the kind of event; what supersedes a release is told already.
TOLD = {PENDING: "opened", ACTIVE: "activated", FAILED: "failed", REMOVED: "removed"}


@dataclass(frozen=True)
class Deeds:
    """The deeds of one performer."""

    store: Store
    app: str
    by: Holder

    def take_over(self, last: Lease) -> None:
        """Tell whose lease ran out, and was taken."""
        self._tell("takeover", f"from {last.holder}, who began {last.since}")

    def open(self, draft: Draft) -> tuple[int, tuple[Move, ...]]:
        """Open or resume a release; return its number and what moved."""
        number, moves = opening(self.store.turns(self.app), draft.configuration_hash)
        self.move(move for move in moves if move.before)
        if moves:
            self.store.add_release(self.app, number, draft, utc())
            self._tell(TOLD[PENDING], _because(draft.kind, draft.message), number)
        return number, moves

    def recover(self, number: int, draft: Draft, state: str, outcome: str) -> Move:
        """Record a release that is known no more than in part, in the state that it has; return the move."""
        self.store.add_release(self.app, number, draft, utc())
        self._tell(TOLD[PENDING], _because(draft.kind, draft.message), number)
        self.move([Move(number, PENDING, state, outcome)])
        return Move(number, None, state, outcome)

    def move(self, moves: Iterable[Move]) -> tuple[Move, ...]:
        """Put releases into their next states; return the moves."""
        done = tuple(moves)
        for move in done:
            self.store.move(self.app, move, utc())
            if move.after in TOLD:
                self._tell(TOLD[move.after], move.outcome, move.number)
        return done

    def _tell(self, kind: str, text: str, number: int | None = None) -> None:
        event = {"at": utc(), "app": self.app, "kind": kind, "number": number, "text": text}
        self.store.add_event(event | {"who": self.by.who, "host": self.by.host})


def _because(what: str, message: str) -> str:
    return f"{what}: {message}" if message else what


def utc() -> str:
    """Return the time of day as it is kept: UTC, ISO 8601, in whole seconds."""
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
