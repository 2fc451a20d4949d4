# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts PostgreSQL in services/postgresql, over this machine's own PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.integration.engine_rig import ROOT, free_port, until

SCRIPT = ROOT / "roles" / "runtimes" / "files" / "postgresql" / "usr" / "bin" / "fairlead-postgresql"
PASSWORD = """s3'c r"et"""  # noqa: S105 - of a server that lives for a moment
# The volume is where the image has it, for this process and its children alone.
INSIDE = (
    "mount -t tmpfs rig /var/lib/postgresql && mkdir /var/lib/postgresql/data"
    ' && mount --bind "$0" /var/lib/postgresql/data && cd /'
    ' && exec setpriv --pdeathsig KILL --reuid postgres --regid postgres --clear-groups "$@"'
)


@dataclass
class Service:
    """One volume, and the process that has it."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        """Make the volume, as the engine does: the user's."""
        self.volume.mkdir()
        subprocess.run(["chown", "postgres:postgres", str(self.volume)], check=True)

    @property
    def volume(self) -> Path:
        """Return where its data are."""
        return self.folder / "volume"

    @property
    def said(self) -> str:
        """Return its log."""
        return (self.folder / "log").read_text()

    def run(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        """Start the script as the container's command would be."""
        given = {"PATH": os.environ["PATH"], "PORT": str(self.port), "POSTGRES_PASSWORD": PASSWORD, **env}
        apart = ["unshare", "--mount", "--propagation", "private", "sh", "-c", INSIDE, str(self.volume)]
        command = [*apart, "sh", str(SCRIPT), "-c", "fsync=off", *arguments]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, env=given, stdout=log, stderr=log)
        return self.process

    def ask(self, statement: str, password: str = PASSWORD) -> list[tuple[Any, ...]]:
        """Carry out a statement in the database, as an app would."""
        with closing(self.connect(password)) as db:
            db.autocommit = True
            with db.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def connect(self, password: str = PASSWORD) -> Any:
        """Return a connection."""
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user="shop", dbname="shop", password=password, connect_timeout=5
        )

    def started(self) -> None:
        """Start it and wait until it answers."""
        process = self.run(POSTGRES_DB="shop")
        until(lambda: process.poll() is not None or self.answers(), "PostgreSQL answers", 60)

    def answers(self) -> bool:
        """Say whether it answers."""
        with suppress(psycopg2.OperationalError):
            return self.ask("SELECT 1") == [(1,)]
        return False

    def end(self, how: int) -> int:
        """Send a signal, and return how it ended."""
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(20)


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if os.geteuid() != 0:
        pytest.skip("volumes are mounted by root")
    service = Service(tmp_path_factory.mktemp("service"))
    service.started()
    yield service
    if service.process and service.process.poll() is None:
        service.end(signal.SIGTERM)


def test_the_first_start_makes_the_database_and_no_secret_is_seen(service: Service) -> None:
    assert service.ask("SELECT current_database(), current_setting('jit')") == [("shop", "off")]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        service.ask("SELECT 1", "another")
    assert service.process
    listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert PASSWORD not in listed
    assert PASSWORD not in service.said
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    assert children
    assert all(PASSWORD not in Path(f"/proc/{child}/environ").read_text() for child in children)


def test_it_ends_at_once_with_clients_and_keeps_what_was_written(service: Service) -> None:
    service.ask("CREATE TABLE kept AS SELECT 42 AS answer")
    client = service.connect()
    assert service.end(signal.SIGTERM) == 0
    client.close()
    assert "database system is shut down" in service.said
    service.started()
    assert service.ask("SELECT answer FROM kept") == [(42,)]


def test_it_comes_back_after_it_was_killed(service: Service) -> None:
    service.ask("CREATE TABLE again AS SELECT 1 AS one")
    assert service.process
    [server] = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    # The whole container ends when its first process does; here both are ended.
    service.end(signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(int(server), signal.SIGKILL)
    until(lambda: not service.answers() and not Path(f"/proc/{server}").exists(), "the server is gone")
    service.started()
    assert service.ask("SELECT one FROM again") == [(1,)]


def test_a_making_that_was_killed_begins_again(service: Service, tmp_path: Path) -> None:
    half = Service(tmp_path)
    (half.volume / "new" / "base").mkdir(parents=True)
    subprocess.run(["chown", "-R", "postgres:postgres", str(half.volume)], check=True)
    half.started()
    assert half.answers()
    assert half.end(signal.SIGTERM) == 0
    assert [path.name.isdecimal() for path in half.volume.iterdir()] == [True]
    assert service.answers()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"POSTGRES_PASSWORD": ""}, "POSTGRES_PASSWORD: is not set; it belongs under env.secret of the app"),
        ({"POSTGRES_PASSWORD": "a\nb"}, "POSTGRES_PASSWORD: expected one line"),
        ({"POSTGRES_DB": 'x"; DROP'}, 'POSTGRES_DB: got x"; DROP, expected small letters, digits and _'),
        ({"POSTGRES_USER": "Ada"}, "POSTGRES_USER: got Ada, expected small letters, digits and _"),
        ({"PORT": "5432 -h"}, "PORT: got 5432 -h, expected a number"),
    ],
)
def test_what_is_given_wrongly_is_said(tmp_path: Path, env: dict[str, str], said: str) -> None:
    refused = Service(tmp_path)
    assert refused.run(**env).wait(10) == 64
    assert said in refused.said
    assert list(refused.volume.iterdir()) == []


def test_data_of_another_version_are_not_taken_for_none(tmp_path: Path) -> None:
    refused = Service(tmp_path)
    (refused.volume / "9").mkdir()
    assert refused.run().wait(10) == 64
    assert "the volume has data of PostgreSQL 9, and this is" in refused.said
    assert [path.name for path in refused.volume.iterdir()] == ["9"]
