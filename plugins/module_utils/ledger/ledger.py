# SPDX-License-Identifier: GPL-3.0-or-later
"""The durable record on the manager: releases now; leases, events and overrides come as further migrations.

Times are UTC, ISO 8601, in whole seconds. Every change is one SQLite transaction that is on the disk
(``synchronous=FULL``) before the call returns; a writer that is killed leaves no trace.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from .file import PATIENCE, LedgerError, check_version, connect, saying, version_of
from .history import PENDING, Move, Turn, activation, failure, opening, removal


@dataclass(frozen=True)
class Draft:
    """What a release will be: its configuration, who opens it, from where, and at which commit."""

    configuration: Mapping[str, Any]
    configuration_hash: str
    image: str  # by digest
    who: str = ""
    host: str = ""
    git_commit: str = ""
    git_dirty: bool = False
    message: str = ""


@dataclass(frozen=True)
class Release:
    """One release as the ledger keeps it. ``closed_at`` is when its rollout ended, None while pending."""

    app: str
    number: int
    state: str
    image: str
    configuration: Mapping[str, Any]
    configuration_hash: str
    who: str
    host: str
    git_commit: str
    git_dirty: bool
    message: str
    opened_at: str
    closed_at: str | None
    outcome: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


class Ledger:
    """An open ledger. With ``readonly`` every change is decided and returned, and none is made."""

    def __init__(self, path: Path, *, readonly: bool = False, patience: float = PATIENCE) -> None:
        """Open an existing ledger of this schema. Raises LedgerError."""
        if not path.exists():
            raise LedgerError(f"There is no ledger at {path}: run playbooks/site.yml, which makes it.")
        self._path, self._readonly = path, readonly
        self._db = connect(path, patience)
        try:
            with saying(path):
                check_version(path, version_of(self._db))
                self._db.execute(f"PRAGMA query_only = {int(readonly)}")
        except LedgerError:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        """Return the open ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ledger."""
        self._db.close()

    def releases(self, app: str, limit: int) -> tuple[Release, ...]:
        """Return the newest releases of an app, newest first."""
        with saying(self._path):
            rows = self._db.execute(
                "SELECT * FROM releases WHERE app = ? ORDER BY number DESC LIMIT ?", (app, limit)
            ).fetchall()
        return tuple(_release(row) for row in rows)

    def open(self, app: str, draft: Draft) -> tuple[int, tuple[Move, ...]]:
        """Return the number of the pending release of this configuration, and what moved.

        The newest release is resumed where it is pending with the same hash: then nothing moves.
        """
        with self.change():
            number, moves = opening(self._turns(app), draft.configuration_hash)
            self._apply(app, [move for move in moves if move.before])
            if moves and not self._readonly:
                self.insert(app, number, draft)
        return number, moves

    def activate(self, app: str, number: int, outcome: str = "") -> tuple[Move, ...]:
        """Make the pending release the active one. Raises LedgerError if it is neither."""
        with self.change():
            return self._apply(app, activation(self._turns(app), number, outcome))

    def fail(self, app: str, number: int, outcome: str) -> tuple[Move, ...]:
        """Mark the pending release failed. Raises LedgerError if it is neither."""
        with self.change():
            return self._apply(app, failure(self._turns(app), number, outcome))

    def remove(self, app: str) -> tuple[Move, ...]:
        """Mark what is active as removed, and what is pending as failed."""
        with self.change():
            return self._apply(app, removal(self._turns(app), _now()))

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the ledger for one change: all of it is on the disk afterwards, or none."""
        with saying(self._path):
            self._db.execute("BEGIN" if self._readonly else "BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _turns(self, app: str) -> tuple[Turn, ...]:
        rows = self._db.execute(
            "SELECT number, state, configuration_hash FROM releases WHERE app = ? ORDER BY number", (app,)
        )
        return tuple(Turn(*row) for row in rows)

    def _apply(self, app: str, moves: Sequence[Move]) -> tuple[Move, ...]:
        for move in () if self._readonly else moves:
            self._db.execute(
                "UPDATE releases SET state = ?, outcome = iif(? = '', outcome, ?),"
                " closed_at = ifnull(closed_at, ?) WHERE app = ? AND number = ?",
                (move.after, move.outcome, move.outcome, _now(), app, move.number),
            )
        return tuple(moves)

    def insert(self, app: str, number: int, draft: Draft) -> None:
        """Add one pending release, within ``change``."""
        row = asdict(draft) | {"app": app, "number": number, "state": PENDING, "opened_at": _now()}
        row["configuration"] = json.dumps(draft.configuration, sort_keys=True, separators=(",", ":"))
        columns, places = ", ".join(row), ", ".join(f":{column}" for column in row)
        self._db.execute(f"INSERT INTO releases ({columns}) VALUES ({places})", row)  # noqa: S608 - our names


def _release(row: sqlite3.Row) -> Release:
    values = dict(row)
    values["configuration"] = json.loads(values["configuration"])
    values["git_dirty"] = bool(values["git_dirty"])
    return Release(**values)


def _now() -> str:
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
