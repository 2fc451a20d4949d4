# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger's tables are, in SQLite's words; PostgreSQL is told the same in its own.

Each entry of MIGRATIONS lifts the schema by one version; released entries never change.
"""

from __future__ import annotations

from dataclasses import dataclass

from .session import LedgerError, Place


@dataclass(frozen=True)
class Guard:
    """A trigger: rows of a table to which ``deed`` would be done are kept from it, with these words."""

    name: str
    table: str
    deed: str  # DELETE, UPDATE, UPDATE OF column, column
    words: str
    when: str = ""


@dataclass(frozen=True)
class Unguard:
    """The end of a guard."""

    name: str
    table: str


Step = str | Guard | Unguard
# What a release is from the first schema on.
_GIVEN = (
    "app, number, image, configuration, configuration_hash,"
    " who, host, git_commit, git_dirty, message, opened_at"
)

MIGRATIONS: tuple[tuple[Step, ...], ...] = (
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
        Guard("releases_stay", "releases", "DELETE", "releases are never deleted"),
        Guard("releases_keep", "releases", f"UPDATE OF {_GIVEN}", "what a release is never changes"),
    ),
    (
        """ALTER TABLE releases ADD COLUMN kind TEXT NOT NULL DEFAULT 'deploy'
            CHECK (kind IN ('deploy', 'rollback', 'scale', 'restart', 'recover'))""",
        """ALTER TABLE releases ADD COLUMN irreversible INTEGER NOT NULL DEFAULT 0
            CHECK (irreversible IN (0, 1))""",
        "ALTER TABLE releases ADD COLUMN ref TEXT NOT NULL DEFAULT ''",
        Unguard("releases_keep", "releases"),
        Guard(
            "releases_keep",
            "releases",
            f"UPDATE OF {_GIVEN}, kind, irreversible, ref",
            "what a release is never changes",
        ),
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
        Guard("leases_stay", "leases", "DELETE", "leases are never deleted: their tokens must grow"),
        Guard(
            "leases_grow",
            "leases",
            "UPDATE",
            "the token of a lease never goes back",
            when="NEW.app != OLD.app OR NEW.token < OLD.token",
        ),
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
        Guard("edition_stays", "edition", "DELETE", "the edition is never deleted"),
        Guard(
            "edition_grows",
            "edition",
            "UPDATE",
            "the edition never goes back",
            when="NEW.ledger != OLD.ledger OR NEW.change < OLD.change OR NEW.first_token < OLD.first_token",
        ),
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
        Guard("events_stay", "events", "DELETE", "events are never deleted"),
        Guard("events_keep", "events", "UPDATE", "events never change"),
    ),
    (
        # What people have said of a node; of one that is as usual there is no row.
        """CREATE TABLE nodes (
            node TEXT PRIMARY KEY,
            state TEXT NOT NULL CHECK (state IN ('cordoned', 'draining')),
            who TEXT NOT NULL,
            host TEXT NOT NULL,
            since TEXT NOT NULL,
            why TEXT NOT NULL
        ) STRICT""",
    ),
)
VERSION = len(MIGRATIONS)


def check_version(place: Place | str, version: int, oldest: int = VERSION) -> None:
    """Raise LedgerError unless the version is one that this code can use."""
    if version > VERSION:
        raise LedgerError(
            f"The ledger {place} was written by a newer Fairlead (schema {version}, this one knows"
            f" {VERSION}): update this checkout."
        )
    if version < oldest:
        raise LedgerError(
            f"The ledger {place} has schema {version}, this Fairlead needs {VERSION}: run playbooks/site.yml."
        )
