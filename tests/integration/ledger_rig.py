# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the ledger share: releases to open, who holds leases, time that passes at will."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg2

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.clock import Instant
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.deeds import Deeds
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File, make_file
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import in_words as file_words
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import Move
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import Holder
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.place import place_of
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.postgresql import FOUNDATION
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.postgresql import (
    in_words as database_words,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.records import Draft
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.schema import MIGRATIONS
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import Place
from ansible_collections.fairlead.paas.plugins.modules.ledger import ARGUMENTS

ADA, BOB = Holder("ada", "laptop", "deploy shop"), Holder("bob", "ci", "scale shop")
FIRST = Draft(
    configuration={"app": "shop", "processes": [{"name": "web", "scale": 4}]},
    configuration_hash="a" * 16,
    image="registry:5000/shop@sha256:" + "1" * 64,
    who="ada",
    host="laptop",
    git_commit="c0ffee",
    git_dirty=True,
    message="the first",
    kind="rollback",
    irreversible=True,
    ref="main",
)
SECOND = replace(FIRST, configuration_hash="b" * 16, message="the second")
FORK = multiprocessing.get_context("spawn")


@dataclass
class Time:
    """The manager's clock, in the hand of a test."""

    now: Instant = field(default_factory=lambda: Instant("boot 1", 1000.0))

    def __call__(self) -> Instant:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now = self.now.later(seconds)

    def reboot(self, uptime: float) -> None:
        self.now = Instant(self.now.boot + "'", uptime)


@dataclass(frozen=True)
class Home:
    """Where a test's ledger is: a file, or a database. What is asked here goes around our code."""

    path: str = ""
    url: str = ""

    @property
    def place(self) -> Place:
        return place_of(self.path, self.url)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Carry out a statement as somebody else would; return its rows."""
        if not self.url:
            with closing(sqlite3.connect(self.path, isolation_level=None)) as file:
                return file.execute(statement).fetchall()
        with closing(psycopg2.connect(self.url)) as database, database, database.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that is in it."""
        numbers = "ledger_numbers" if self.url else "sqlite_sequence"
        tables = ("releases", "leases", "claims", "secrets", "events", "nodes", "edition", numbers)
        return {table: sorted(self.ask(f"SELECT * FROM {table}"), key=str) for table in tables}  # noqa: S608

    def make_schema_1(self) -> None:
        """Make a ledger as the first Fairlead made it."""
        if not self.url:
            make_file(Path(self.path))
        for step in (*FOUNDATION, *MIGRATIONS[0]) if self.url else MIGRATIONS[0]:
            self.ask(database_words(step) if self.url else file_words(step))
        self.set_version(1)

    def set_version(self, version: int) -> None:
        """Let it be of another schema."""
        self.ask(
            f"UPDATE ledger_schema SET version = {version}"  # noqa: S608 - our number
            if self.url
            else f"PRAGMA user_version = {version}"
        )


REFUSED = (sqlite3.IntegrityError, psycopg2.IntegrityError)  # by the tables themselves


def made(folder: Path) -> Path:
    """Make a ledger that is a file and return its path."""
    path = folder / "fairlead" / "ledger.db"
    File(path).prepare()
    return path


def opened(ledger: Ledger, app: str, draft: Draft) -> tuple[int, tuple[Move, ...]]:
    """Open or resume a release as ``claim`` does, where the lease is not what a test is about."""
    with ledger.change() as store:
        return Deeds(store, app, ADA).open(draft)


def states(place: Place, app: str = "shop") -> dict[int, str]:
    with Ledger(place, readonly=True) as ledger:
        return {release.number: release.state for release in ledger.releases(app, 1000)}


def told(place: Place, app: str = "shop") -> list[str]:
    """Return the events of an app, oldest first, in one line each."""
    with Ledger(place, readonly=True) as ledger:
        found = ledger.events(app, 1000)
    return [
        " ".join(str(word) for word in (event.who, event.kind, event.number or "-", event.text))
        for event in reversed(found)
    ]


def params(home: Home, do: str, **given: Any) -> dict[str, Any]:
    """Return all parameters of the module, as Ansible hands them over."""
    plain = {name: argument.get("default") for name, argument in ARGUMENTS.items()}
    return plain | {"path": home.path, "url": home.url, "do": do, "app": "shop"} | given
