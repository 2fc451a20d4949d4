# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger needs of the place where it is kept, be that a file or a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .clock import Instant

PATIENCE = 10.0  # seconds to wait for another writer


class LedgerError(FairleadError):
    """The ledger cannot be used, or not in this way; the message is a sentence for a person."""


class Lost(LedgerError):
    """The lease that the caller shows is not its own any more: released, or taken over."""


class Damaged(LedgerError):
    """What is at the ledger's path is no ledger any more."""


class Connection(Protocol):
    """Takes statements whose places are ``?`` or ``:name``; rows are read by position and by name."""

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = (), /) -> Any:
        """Return a cursor over the rows."""


class Session(Connection, Protocol):
    """An open ledger of this schema, in one connection."""

    def saying(self) -> AbstractContextManager[None]:
        """Turn what the driver raises, and ValueError, into a LedgerError with a sentence."""

    def begin(self) -> None:
        """Wait until nobody else changes the ledger, and hold it for one transaction."""

    def commit(self) -> None:
        """Return when the transaction is on the disk."""

    def undo(self) -> None:
        """End the transaction, if there still is one, and leave no trace of it."""

    def now(self) -> Instant:
        """Return the present moment by the clock that tells how long leases live."""

    def close(self) -> None:
        """Close the connection."""


class Place(Protocol):
    """Where a ledger is kept; as text, how sentences name it."""

    def open(self, patience: float = PATIENCE) -> Session:
        """Open the ledger. Raises LedgerError where there is none of this schema."""

    def prepare(self, *, check: bool = False) -> tuple[str, ...]:
        """Make the ledger, or lift its schema; return what had to be done. Raises LedgerError.

        With ``check`` nothing is done.
        """


@contextmanager
def change(session: Session, *, keep: bool) -> Iterator[None]:
    """Hold the ledger for one change: all of it is on the disk afterwards, or nothing."""
    with session.saying():
        try:
            session.begin()
            yield
            if keep:
                session.commit()
        finally:
            session.undo()
