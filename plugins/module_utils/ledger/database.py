# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in a PostgreSQL database that all managers share: its making, its lock, its clock.

What can be wrong is said in sentences that never hold the password. Needs python3-psycopg2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import (
    TRANSACTION_STATUS_INERROR,
    TRANSACTION_STATUS_INTRANS,
    connection,
    cursor,
    make_dsn,
    parse_dsn,
)
from psycopg2.extras import DictCursor

from .clock import Instant
from .postgresql import FOUNDATION, URL_HELP, in_words, is_url, placed
from .schema import MIGRATIONS, VERSION, check_version
from .session import PATIENCE, LedgerError, change

CLOCK = "postgresql"  # stands where a file's ledger has the boot of its machine
# What a URL may say otherwise. A server that does not answer any more is given up.
_SETTINGS = {"connect_timeout": "10", "tcp_user_timeout": "10000", "application_name": "fairlead"}
_IDLE = 5.0  # seconds without a word, after which a manager that vanished holds the ledger no longer
# Nobody else changes this ledger until the transaction ends, and what is committed is on the disk, whatever
# the server's settings. None outlives the transaction: behind a pooler the session may be another's next.
_BEGIN = """BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL idle_in_transaction_session_timeout = {idle};
SET LOCAL lock_timeout = {patience};
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
SELECT pg_advisory_xact_lock(hashtext('fairlead ledger ' || current_schema()))"""
_ADVICE = {
    "42501": " Make the user of fairlead_ledger_url the owner of the database.",  # insufficient privilege
    "42P07": " Give the ledger a database of its own.",  # there is such a table
}


class Database:
    """A ledger's place: the database that a URL leads to."""

    def __init__(self, url: str) -> None:
        """Take the URL apart. Raises LedgerError if it is none."""
        self._settings = _SETTINGS | _parsed(url)

    def __str__(self) -> str:
        """Return the database and its server; no password."""
        server = self._settings.get("host", "this machine")
        port = self._settings.get("port", "")
        name = self._settings.get("dbname") or self._settings.get("user", "")
        return f"in the database {name} on {server}{port and ':'}{port}"

    def open(self, patience: float = PATIENCE) -> DatabaseSession:
        """Open the ledger. Raises LedgerError where there is none of this schema."""
        session = self._connected(patience)
        try:
            with session.saying():
                self._check(session.version())
        except LedgerError:
            session.close()
            raise
        return session

    def prepare(self, *, check: bool = False) -> tuple[str, ...]:
        """Make the tables, or lift them to this schema; return what had to be done, in words.

        With ``check`` nothing is done. Raises LedgerError.
        """
        with closing(self._connected(PATIENCE)) as session, session.saying():
            version = session.version()
            check_version(self, version, oldest=0)
            if version < VERSION and not check:
                with change(session, keep=True):
                    version = session.lift()
        return (f"schema {version} to {VERSION}",) if version < VERSION else ()

    def _check(self, version: int) -> None:
        if not version:
            raise LedgerError(
                f"There is no ledger {self}: run playbooks/site.yml, which makes it. If it was lost and"
                " cannot be put back, playbooks/recover.yml rebuilds it from what runs."
            )
        check_version(self, version)

    def _connected(self, patience: float) -> DatabaseSession:
        try:
            raw = psycopg2.connect(make_dsn(**self._settings | {"client_encoding": "UTF8"}))
        except psycopg2.Error as error:
            reason, answered = self._without_password(_reason(error)), "FATAL" in str(error)
            raise LedgerError(
                f"The ledger {self} cannot be {'opened' if answered else 'reached'} ({reason}): see that"
                f" fairlead_ledger_url is right{'' if answered else ' and that the server runs'}."
            ) from None
        raw.autocommit = True
        return DatabaseSession(self, raw, patience)

    def _without_password(self, text: str) -> str:
        password = self._settings.get("password")
        return text.replace(password, "***") if password else text


@dataclass(frozen=True)
class DatabaseSession:
    """An open database. Its leases live by the clock of the server, which all managers share."""

    place: Database
    raw: connection
    patience: float

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = (), /) -> cursor:
        """Return a cursor over the rows."""
        rows: cursor = self.raw.cursor(cursor_factory=DictCursor)
        rows.execute(*placed(statement, values))
        return rows

    @contextmanager
    def saying(self) -> Iterator[None]:
        """Turn what the driver raises, and ValueError, into a LedgerError with a sentence."""
        try:
            yield
        except ValueError as error:
            raise LedgerError(f"{error}.") from error
        except LockNotAvailable:
            raise LedgerError(
                f"The ledger {self.place} is in use by another run that does not let go: try again."
            ) from None
        except psycopg2.Error as error:
            gone = "was lost while it was in use" if self.raw.closed else "cannot be used"
            advice = " Run again." if self.raw.closed else _ADVICE.get(error.pgcode or "", "")
            raise LedgerError(f"The ledger {self.place} {gone}: {_reason(error)}.{advice}") from None

    def begin(self) -> None:
        """Wait until nobody else changes the ledger, and hold it for one transaction."""
        idle, patience = (int(seconds * 1000) for seconds in (_IDLE, self.patience))
        self.execute(_BEGIN.format(idle=idle, patience=patience))

    def commit(self) -> None:
        """Return when the transaction is on the disk."""
        self.execute("COMMIT")

    def undo(self) -> None:
        """End the transaction, if there still is one; a lost connection has ended it."""
        if self.raw.info.transaction_status in (TRANSACTION_STATUS_INTRANS, TRANSACTION_STATUS_INERROR):
            with suppress(psycopg2.Error):
                self.execute("ROLLBACK")

    def now(self) -> Instant:
        """Return the server's time of day: no other clock is there for all managers, and after a failover."""
        return Instant(CLOCK, self._one("SELECT extract(epoch FROM clock_timestamp())::float8"))

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()

    def version(self) -> int:
        """Return the schema's version; 0 for a database without a ledger."""
        # Not by to_regclass, which remembers: another manager may have made it while this one waited.
        found = self._one(
            "SELECT count(*) FROM pg_tables"
            " WHERE schemaname = current_schema() AND tablename = 'ledger_schema'"
        )
        return int(self._one("SELECT version FROM ledger_schema")) if found else 0

    def lift(self) -> int:
        """Lift the schema, within a transaction, from the version that is returned."""
        encoding, version = self._one("SHOW server_encoding"), self.version()
        if encoding != "UTF8":
            raise LedgerError(f"The ledger {self.place} would be in {encoding}; expected a database in UTF8.")
        for statement in FOUNDATION if version == 0 else ():
            self.execute(statement)
        for steps in MIGRATIONS[version:]:
            for step in steps:
                self.execute(in_words(step))
        self.execute("UPDATE ledger_schema SET version = :version", {"version": VERSION})
        return version

    def _one(self, statement: str) -> Any:
        row = self.execute(statement).fetchone()
        return row and row[0]


def _parsed(url: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    if is_url(url):
        with suppress(psycopg2.ProgrammingError):  # its words hold the password
            settings = parse_dsn(url)
    if not settings:
        raise LedgerError(f"fairlead_ledger_url is no URL of a database; expected {URL_HELP}.")
    return settings


def _reason(error: psycopg2.Error) -> str:
    """Return the driver's first sentence, without what it says of every error."""
    said = error.diag.message_primary or str(error).strip() or "no answer"
    return re.sub(r"^(connection to server .*? failed: )?(FATAL:  )?", "", said.splitlines()[0]).rstrip(".")
