# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the ledger is kept: its file, its schema, and what can be wrong with them, in sentences."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

PATIENCE = 10.0  # seconds to wait for another writer

# Each entry lifts the schema by one version; released entries never change.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE releases (
            app TEXT NOT NULL,
            number INTEGER NOT NULL CHECK (number > 0),
            state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'failed', 'superseded', 'removed')),
            image TEXT NOT NULL,
            configuration TEXT NOT NULL,
            configuration_hash TEXT NOT NULL,
            who TEXT NOT NULL,
            host TEXT NOT NULL,
            git_commit TEXT NOT NULL,
            git_dirty INTEGER NOT NULL CHECK (git_dirty IN (0, 1)),
            message TEXT NOT NULL,
            opened_at TEXT NOT NULL,
            closed_at TEXT,
            outcome TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (app, number)
        ) STRICT""",
        "CREATE UNIQUE INDEX one_pending ON releases (app) WHERE state = 'pending'",
        "CREATE UNIQUE INDEX one_active ON releases (app) WHERE state = 'active'",
        """CREATE TRIGGER releases_stay BEFORE DELETE ON releases
            BEGIN SELECT RAISE(ABORT, 'releases are never deleted'); END""",
        """CREATE TRIGGER releases_keep BEFORE UPDATE OF app, number, image, configuration,
            configuration_hash, who, host, git_commit, git_dirty, message, opened_at ON releases
            BEGIN SELECT RAISE(ABORT, 'what a release is never changes'); END""",
    ),
    (
        """ALTER TABLE releases ADD COLUMN kind TEXT NOT NULL DEFAULT 'deploy'
            CHECK (kind IN ('deploy', 'rollback', 'scale', 'restart', 'recover'))""",
        """ALTER TABLE releases ADD COLUMN irreversible INTEGER NOT NULL DEFAULT 0
            CHECK (irreversible IN (0, 1))""",
        "ALTER TABLE releases ADD COLUMN ref TEXT NOT NULL DEFAULT ''",
        "DROP TRIGGER releases_keep",
        """CREATE TRIGGER releases_keep BEFORE UPDATE OF app, number, image, configuration,
            configuration_hash, who, host, git_commit, git_dirty, message, opened_at, kind, irreversible, ref
            ON releases BEGIN SELECT RAISE(ABORT, 'what a release is never changes'); END""",
        """CREATE TABLE leases (
            app TEXT PRIMARY KEY,
            token INTEGER NOT NULL CHECK (token > 0),
            who TEXT NOT NULL,
            host TEXT NOT NULL,
            what TEXT NOT NULL,
            since TEXT NOT NULL,
            boot TEXT NOT NULL,
            until REAL NOT NULL,
            released INTEGER NOT NULL CHECK (released IN (0, 1)),
            dirty INTEGER NOT NULL CHECK (dirty IN (0, 1))
        ) STRICT""",
        """CREATE TRIGGER leases_stay BEFORE DELETE ON leases
            BEGIN SELECT RAISE(ABORT, 'leases are never deleted: their tokens must grow'); END""",
        """CREATE TRIGGER leases_grow BEFORE UPDATE ON leases WHEN NEW.app != OLD.app OR NEW.token < OLD.token
            BEGIN SELECT RAISE(ABORT, 'the token of a lease never goes back'); END""",
        # A claim ends with the lease of its app (boot and ended are NULL till then), or before.
        # AUTOINCREMENT: an id is never given twice, so "claimed since" can be asked by it.
        """CREATE TABLE claims (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            app TEXT NOT NULL,
            slot TEXT NOT NULL,
            node TEXT NOT NULL,
            port INTEGER,
            memory INTEGER NOT NULL,
            cpu REAL NOT NULL,
            boot TEXT,
            ended REAL,
            CHECK ((boot IS NULL) = (ended IS NULL))
        ) STRICT""",
        # The values that secrets have had, each sealed with the platform's key before it came here.
        """CREATE TABLE secrets (
            app TEXT NOT NULL,
            name TEXT NOT NULL,
            hash TEXT NOT NULL,
            sealed TEXT NOT NULL,
            PRIMARY KEY (app, name, hash)
        ) STRICT""",
        # Which ledger this is and how often it has changed, so that of two copies the newer is known; and the
        # first token of an app that has had none.
        """CREATE TABLE edition (
            ledger TEXT NOT NULL,
            change INTEGER NOT NULL,
            first_token INTEGER NOT NULL
        ) STRICT""",
        "INSERT INTO edition VALUES (lower(hex(randomblob(8))), 0, 1)",
        """CREATE TRIGGER edition_stays BEFORE DELETE ON edition
            BEGIN SELECT RAISE(ABORT, 'the edition is never deleted'); END""",
        """CREATE TRIGGER edition_grows BEFORE UPDATE ON edition WHEN NEW.ledger != OLD.ledger
            OR NEW.change < OLD.change OR NEW.first_token < OLD.first_token
            BEGIN SELECT RAISE(ABORT, 'the edition never goes back'); END""",
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            app TEXT NOT NULL,
            kind TEXT NOT NULL,
            number INTEGER,
            who TEXT NOT NULL,
            host TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX events_of_app ON events (app, id)",
        """CREATE TRIGGER events_stay BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END""",
        """CREATE TRIGGER events_keep BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events never change'); END""",
    ),
)


class LedgerError(FairleadError):
    """The ledger cannot be used, or not in this way; the message is a sentence for a person."""


class Damaged(LedgerError):
    """What is at the ledger's path is no ledger any more."""


def prepare(path: Path, *, check: bool = False) -> tuple[str, ...]:
    """Make the ledger's directory (0700), file (0600) and schema; return what had to be done, in words.

    With ``check`` nothing is done. Raises LedgerError.
    """
    if path.is_dir():
        raise LedgerError(f"{path} is a directory; the ledger's path must name a file.")
    version = _version_at(path)
    check_version(path, version, oldest=0)
    todo = [*_wrong_mode(path.parent, 0o700), *_wrong_mode(path, 0o600)]
    if version < len(MIGRATIONS):
        todo.append(f"schema {version} to {len(MIGRATIONS)}")
    if todo and not check:
        _make(path)
    return tuple(todo)


def make_file(path: Path) -> None:
    """Make the directory (0700) and an empty file (0600), if they are not there. Raises LedgerError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise LedgerError(f"The ledger {path} cannot be made: {error.strerror}.") from error


def _make(path: Path) -> None:
    make_file(path)
    with saying(path), closing(connect(path, PATIENCE)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        for number in range(version_of(db), len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")
        db.execute("COMMIT")


def _wrong_mode(path: Path, mode: int) -> tuple[str, ...]:
    if not path.exists():
        return (f"create {path}",)
    found = stat.S_IMODE(path.stat().st_mode)
    return (f"mode of {path} {found:04o} to {mode:04o}",) if found != mode else ()


def _version_at(path: Path) -> int:
    if not path.exists():
        return 0
    with saying(path), closing(connect(path, PATIENCE)) as db:
        return version_of(db)


def version_of(db: sqlite3.Connection) -> int:
    """Return the schema's version; 0 for an empty file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check_version(path: Path | str, version: int, oldest: int = len(MIGRATIONS)) -> None:
    """Raise LedgerError unless the version is one that this code can use."""
    if version > len(MIGRATIONS):
        raise LedgerError(
            f"The ledger {path} was written by a newer Fairlead (schema {version}, this one knows"
            f" {len(MIGRATIONS)}): update this checkout."
        )
    if version < oldest:
        raise LedgerError(
            f"The ledger {path} has schema {version}, this Fairlead needs {len(MIGRATIONS)}:"
            " run playbooks/site.yml."
        )


def connect(path: Path, patience: float) -> sqlite3.Connection:
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
    """Turn what SQLite raises into a LedgerError with a sentence."""
    try:
        yield
    except ValueError as error:
        raise LedgerError(f"{error}.") from error
    except sqlite3.OperationalError as error:
        raise LedgerError(_operational(path, str(error))) from error
    except sqlite3.DatabaseError as error:
        raise Damaged(
            f"The ledger {path} cannot be read ({error}): put it back from a backup with"
            " playbooks/restore.yml -e force=true."
        ) from error


def _operational(path: Path, reason: str) -> str:
    if "locked" in reason or "busy" in reason:
        return f"The ledger {path} is in use by another run that does not let go: try again."
    return f"The ledger {path} cannot be used: {reason}."
