# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger as a SQLite file of one manager: its making, its locks, and what can be wrong, in sentences."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .clock import Instant, machine_clock
from .schema import MIGRATIONS, VERSION, Guard, Step, Unguard, check_version
from .session import PATIENCE, Damaged, LedgerError

_PAGES = 1 << 16  # bytes: a write takes some pages of 4096, and an index of them 32768


@dataclass(frozen=True)
class File:
    """A ledger's place: a file that is root's alone."""

    path: Path

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    def open(self, patience: float = PATIENCE) -> FileSession:
        """Open the ledger. Raises LedgerError where there is none of this schema."""
        if not self.path.exists():
            raise LedgerError(
                f"There is no ledger at {self}. On a new fleet playbooks/site.yml makes it. If it was lost,"
                " playbooks/restore.yml puts a backup back, and without one playbooks/recover.yml rebuilds"
                " it from what runs."
            )
        session = FileSession(self.path, connect(self.path, patience))
        try:
            with session.saying():
                check_version(self, version_of(session.db))
        except LedgerError:
            session.close()
            raise
        return session

    def prepare(self, *, check: bool = False) -> tuple[str, ...]:
        """Make the directory (0700), the file (0600) and the schema; return what had to be done, in words.

        With ``check`` nothing is done. Raises LedgerError.
        """
        if self.path.is_dir():
            raise LedgerError(f"{self} is a directory; the ledger's path must name a file.")
        version = _version_at(self.path)
        check_version(self, version, oldest=0)
        todo = [*_wrong_mode(self.path.parent, 0o700), *_wrong_mode(self.path, 0o600)]
        if version < VERSION:
            todo.append(f"schema {version} to {VERSION}")
        if todo and not check:
            _make(self.path)
        return tuple(todo)


@dataclass(frozen=True)
class FileSession:
    """An open file. Its leases live by the clock of this machine, the only one that writes to it."""

    path: Path
    db: sqlite3.Connection

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = (), /) -> sqlite3.Cursor:
        """Return a cursor over the rows."""
        return self.db.execute(statement, values)

    def saying(self) -> AbstractContextManager[None]:
        """Turn what SQLite raises, and ValueError, into a LedgerError with a sentence."""
        return saying(self.path)

    def begin(self) -> None:
        """Wait until nobody else changes the ledger, and hold it for one transaction."""
        self.db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Return when the transaction is on the disk."""
        self.db.execute("COMMIT")

    def undo(self) -> None:
        """End the transaction; SQLite has ended it already where the disk is full."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    def now(self) -> Instant:
        """Return the present moment of this machine."""
        return machine_clock()

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def in_words(step: Step) -> str:
    """Return the statement of one step of a migration."""
    match step:
        case Guard():
            when = f"WHEN {step.when} " if step.when else ""
            return (
                f"CREATE TRIGGER {step.name} BEFORE {step.deed} ON {step.table} {when}"
                f"BEGIN SELECT RAISE(ABORT, '{step.words}'); END"
            )
        case Unguard():
            return f"DROP TRIGGER {step.name}"
        case _:
            return step


def make_file(path: Path) -> None:
    """Make the directory (0700) and an empty file (0600), if they are not there. Raises LedgerError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise LedgerError(f"The ledger {path} cannot be made: {error.strerror}.") from error


def version_of(db: sqlite3.Connection) -> int:
    """Return the schema's version; 0 for an empty file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def connect(path: Path, patience: float = PATIENCE) -> sqlite3.Connection:
    """Open an existing file for transactions that are begun by hand. Raises LedgerError."""
    with saying(path):
        # The URI forbids making a new file: a lost ledger must be noticed, not replaced by an empty one.
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=patience, isolation_level=None
        )
        db.execute("PRAGMA synchronous = FULL")
        db.row_factory = sqlite3.Row
    return db


@contextmanager
def saying(path: Path) -> Iterator[None]:
    """Turn what SQLite raises, and ValueError, into a LedgerError with a sentence."""
    try:
        yield
    except ValueError as error:
        raise LedgerError(f"{error}.") from error
    except sqlite3.OperationalError as error:
        raise LedgerError(_operational(path, str(error))) from error
    except sqlite3.DatabaseError as error:
        raise Damaged(
            f"The ledger {path} cannot be read ({error}): put it back from a backup with"
            " playbooks/restore.yml -e force=true or, without one, rebuild it from what runs with"
            " playbooks/recover.yml -e force=true."
        ) from error


def _make(path: Path) -> None:
    make_file(path)
    with saying(path), closing(connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        for version in range(version_of(db) + 1, VERSION + 1):
            for step in MIGRATIONS[version - 1]:
                db.execute(in_words(step))
            db.execute(f"PRAGMA user_version = {version}")
        db.execute("COMMIT")


def _wrong_mode(path: Path, mode: int) -> tuple[str, ...]:
    if not path.exists():
        return (f"create {path}",)
    found = stat.S_IMODE(path.stat().st_mode)
    return (f"mode of {path} {found:04o} to {mode:04o}",) if found != mode else ()


def _version_at(path: Path) -> int:
    if not path.exists():
        return 0
    with saying(path), closing(connect(path)) as db:
        return version_of(db)


def _operational(path: Path, reason: str) -> str:
    if "locked" in reason or "busy" in reason:
        return f"The ledger {path} is in use by another run that does not let go: try again."
    if "disk" in reason and _is_full(path.parent):
        return f"The ledger {path} cannot be used: its disk is full: make room on it."
    return f"The ledger {path} cannot be used: {reason}."


def _is_full(folder: Path) -> bool:
    """Say whether not even the smallest of the ledger's files could grow on the disk of a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < _PAGES
