# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger that goes on in a database: one that was a file until now, or one that was put back there."""

from __future__ import annotations

from contextlib import closing

from .backup import LEAP, opened
from .records import Edition
from .session import Connection, LedgerError, Place, change
from .store import Store

_TABLES = ("releases", "leases", "claims", "secrets", "events", "nodes")


def move(place: Place, snapshot: str | None, *, force: bool = False, check: bool = False) -> Edition:
    """Move a snapshot into a database or, if forced, take what is there as put back; return its edition.

    Runs that began before are fenced off, and whoever comes next looks at the machines again. Raises
    LedgerError if the snapshot is damaged, or if anything was ever done in the database that it shall go to.
    """
    if not snapshot and not force:
        raise LedgerError(
            f"The ledger is {place}, and is put back by the database's own means: nothing was done. Once it"
            " is back, -e force=true lets runs go on from it. To move a file there, -e file=PATH."
        )
    with closing(place.open()) as session, change(session, keep=not check):
        store = Store(session)
        if snapshot:
            if changes := store.edition().change:
                raise LedgerError(
                    f"The ledger {place} is in use, with {changes} changes: nothing was restored. A database"
                    " is put back by its own means; a file can be moved only to one that was never used."
                )
            with opened(snapshot) as copy:
                _fill(store, copy)
        store.leap(LEAP)
        return store.edition()


def _fill(store: Store, copy: Connection) -> None:
    for table in _TABLES:
        for row in copy.execute(f"SELECT * FROM {table} ORDER BY rowid"):  # noqa: S608 - our names
            values = dict(row)
            values.pop("id", None)  # given anew, in the same order
            store.insert(table, values)
    store.follow(*copy.execute("SELECT change, first_token FROM edition").fetchone())
