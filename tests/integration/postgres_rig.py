# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL server of the tests' own: Debian's programs, a folder that is thrown away, loopback."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2

from tests.integration.engine_rig import free_port, until

USER, DATABASE = "ada", "fairlead"
PASSWORD = "p@ss:w/rd%20"  # noqa: S105 - of a server that listens on loopback for a minute
# Tests end it, and crash it, at will; nothing of it outlives them.
_FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=4GB")


@dataclass
class Server:
    """One server with a database that belongs to USER; each ledger gets a schema of its own in it."""

    folder: Path
    address: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    schemas: Iterator[int] = field(default_factory=itertools.count)

    def url(
        self, schema: str = "", *, user: str = USER, password: str = PASSWORD, database: str = DATABASE
    ) -> str:
        """Return the URL of one schema of a database."""
        options = f"?options=-csearch_path%3D{schema}" if schema else ""
        return (
            f"postgresql://{user}:{quote(password, safe='')}@{self.address}:{self.port}/{database}{options}"
        )

    def fresh(self) -> str:
        """Return the URL of a schema that is empty."""
        schema = f"ledger_{next(self.schemas)}"
        self.ask(f"CREATE SCHEMA {schema}")
        return self.url(schema)

    def ask(self, statement: str, url: str = "") -> list[tuple[Any, ...]]:
        """Carry out a statement, as the owner of the database or as a URL says; return its rows."""
        with closing(psycopg2.connect(url or self.url())) as db:
            db.autocommit = True
            with db.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def make(self) -> None:
        """Make the server's files, start it, and make the user and the database."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (self.folder, password):
                shutil.chown(path, "postgres", "postgres")
        words = ["-D", str(self._data), "--username", "postgres", "--pwfile", str(password), "--no-sync"]
        words += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        subprocess.run([*_as_postgres("initdb"), *words], cwd="/", check=True, stdout=subprocess.DEVNULL)
        with (self._data / "pg_hba.conf").open("a") as allowed:
            allowed.write("host all all samenet scram-sha-256\n")
        self.start()
        administrator = self.url(user="postgres", database="postgres")
        self.ask(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", administrator)
        self.ask(f"CREATE DATABASE {DATABASE} OWNER {USER}", administrator)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = [f"port={self.port}", f"listen_addresses={self.address}"]
        settings += [*_FAST, f"unix_socket_directories={self.folder}"]
        words = [*_as_postgres("postgres"), "-D", str(self._data)]
        words += [word for setting in settings for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(words, cwd="/", stdout=log, stderr=log)
        until(self._answers, "PostgreSQL answers")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server, and whatever is connected to it: in order, or with SIGQUIT as a crash does."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(timeout=30)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _answers(self) -> bool:
        assert self.process, "it was started"
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with suppress(psycopg2.OperationalError):
            psycopg2.connect(self.url(user="postgres", database="postgres")).close()
            return True
        return False


@contextmanager
def running_server(**settings: Any) -> Iterator[Server]:
    """Run a server in a folder that only its user may read."""
    with tempfile.TemporaryDirectory(prefix="fairlead-postgresql-") as place:
        server = Server(Path(place), **settings)
        try:
            server.make()
            yield server
        finally:
            server.stop()


def _as_postgres(program: str) -> list[str]:
    """Return how to run one of Debian's programs: not as root, and no longer than whoever starts it."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    assert found, "postgresql is missing; tests/setup.sh all installs it"
    user = ("--reuid=postgres", "--regid=postgres", "--init-groups") if os.geteuid() == 0 else ()
    return ["setpriv", *user, "--pdeathsig", "QUIT", str(found[-1])]
