# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger on real SQLite files: its making, its releases, and what a crash leaves of them."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import stat
from contextlib import closing
from dataclasses import asdict, fields, replace
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import (
    MIGRATIONS,
    LedgerError,
    prepare,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from tests.integration.ledger_rig import ADA, FIRST, FORK, SECOND, made, opened, states


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path)


def test_prepare_makes_a_private_durable_file_once(tmp_path: Path) -> None:
    path = tmp_path / "fairlead" / "ledger.db"
    predicted = prepare(path, check=True)
    assert not path.parent.exists()
    assert prepare(path) == predicted != ()
    assert prepare(path) == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_prepare_mends_modes_and_keeps_releases(path: Path) -> None:
    with Ledger(path) as ledger:
        opened(ledger, "shop", FIRST)
    path.chmod(0o644)
    assert prepare(path) == (f"mode of {path} 0644 to 0600",)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert states(path) == {1: "pending"}


def test_a_release_is_kept_as_it_was_given(path: Path) -> None:
    with Ledger(path) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1, "4 instances started")
    with Ledger(path, readonly=True) as ledger:
        (release,) = ledger.releases("shop", 20)
    for given in fields(FIRST):
        assert getattr(release, given.name) == getattr(FIRST, given.name)
    assert (release.state, release.outcome) == ("active", "4 instances started")
    assert release.closed_at is not None
    assert release.opened_at <= release.closed_at


def test_a_life_of_releases(path: Path) -> None:
    with Ledger(path) as ledger:
        assert opened(ledger, "shop", FIRST)[0] == 1
        ledger.activate("shop", 1)
        assert opened(ledger, "shop", SECOND)[0] == 2
        ledger.fail("shop", 2, "web.1 on n1 did not become healthy")
        assert opened(ledger, "shop", SECOND)[0] == 3
        ledger.activate("shop", 3)
        assert opened(ledger, "blog", FIRST)[0] == 1
        assert states(path) == {3: "active", 2: "failed", 1: "superseded"}
        ledger.remove("shop")
        assert ledger.remove("shop") == ()
    assert states(path) == {3: "removed", 2: "failed", 1: "superseded"}
    assert states(path, "blog") == {1: "pending"}


def test_reading_gives_the_newest_first_up_to_the_limit(path: Path) -> None:
    with Ledger(path) as ledger:
        for number in range(1, 6):
            opened(ledger, "shop", replace(FIRST, configuration_hash=str(number)))
        assert [release.number for release in ledger.releases("shop", 2)] == [5, 4]
        assert ledger.releases("nothing", 2) == ()


def test_the_active_release_is_read_however_many_failed_since(path: Path) -> None:
    with Ledger(path) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1)
        for number in range(2, 30):
            opened(ledger, "shop", replace(FIRST, configuration_hash=str(number)))
        assert [release.number for release in ledger.releases("shop", 2)] == [29, 28, 1]


def test_a_killed_run_is_resumed_or_marked(path: Path) -> None:
    with Ledger(path) as ledger:
        opened(ledger, "shop", FIRST)
    with Ledger(path) as ledger:
        assert opened(ledger, "shop", FIRST) == (1, ())
        assert opened(ledger, "shop", SECOND)[0] == 2
        newest, interrupted = ledger.releases("shop", 2)
    assert (newest.state, interrupted.state, interrupted.outcome) == ("pending", "failed", "interrupted")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM releases",
        "UPDATE releases SET image = 'other'",
        "UPDATE releases SET number = 9",
        "UPDATE releases SET configuration = '{}'",
        "UPDATE releases SET irreversible = 0",
        "UPDATE releases SET ref = 'other'",
    ],
)
def test_what_was_released_can_be_neither_changed_nor_deleted(path: Path, statement: str) -> None:
    with Ledger(path) as ledger:
        opened(ledger, "shop", FIRST)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError, match="never"):
        db.execute(statement)


def _open_many(path: Path, who: str, numbers: Queue[int]) -> None:
    for turn in range(20):
        with Ledger(path) as ledger:
            number, _ = opened(ledger, "shop", replace(FIRST, configuration_hash=f"{who}{turn}"))
        numbers.put(number)


def test_two_processes_opening_at_once_lose_no_number(path: Path) -> None:
    numbers: Queue[int] = FORK.Queue()
    writers = [FORK.Process(target=_open_many, args=(path, who, numbers)) for who in "ab"]
    for writer in writers:
        writer.start()
    got = sorted(numbers.get(timeout=60) for _ in range(40))
    for writer in writers:
        writer.join()
    assert got == list(range(1, 41))
    assert list(states(path).values()) == ["pending"] + ["failed"] * 39


def _hold(path: Path, ready: Queue[int]) -> None:
    with Ledger(path) as ledger, ledger.change() as store:
        store.add_release("shop", 1, FIRST, "2026-01-02T03:04:05Z")
        ready.put(os.getpid())
        signal.pause()


def test_a_writer_killed_in_the_middle_leaves_no_trace_and_no_lock(path: Path) -> None:
    ready: Queue[int] = FORK.Queue()
    writer = FORK.Process(target=_hold, args=(path, ready))
    writer.start()
    os.kill(ready.get(timeout=60), signal.SIGKILL)
    writer.join()
    assert states(path) == {}
    with Ledger(path) as ledger:
        assert opened(ledger, "shop", SECOND)[0] == 1


def _write_on(path: Path, acknowledged: Path) -> None:
    with Ledger(path) as ledger, acknowledged.open("a") as said:
        while True:
            number, _ = opened(ledger, "shop", replace(FIRST, configuration_hash=os.urandom(8).hex()))
            said.write(f"{number} opened\n")
            said.flush()
            ledger.activate("shop", number, "ok")
            said.write(f"{number} activated\n")
            said.flush()


def test_writers_that_are_killed_at_any_moment_lose_nothing_acknowledged(path: Path, tmp_path: Path) -> None:
    acknowledged = tmp_path / "acknowledged"
    acknowledged.touch()
    for turn in range(1, 7):
        writer = FORK.Process(target=_write_on, args=(path, acknowledged))
        writer.start()
        while acknowledged.read_text().count("\n") < 25 * turn:
            assert writer.is_alive()
        writer.kill()
        writer.join()
    with Ledger(path) as ledger, closing(sqlite3.connect(path)) as db:
        told = {f"{event.number} {event.kind}" for event in ledger.events("shop", 10**6)}
        assert set(acknowledged.read_text().splitlines()) <= told
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = db.execute("SELECT number, state FROM releases").fetchall()
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    assert {state for _, state in found} <= {"active", "superseded", "failed", "pending"}


def _write_on_a_full_disk(path: Path, size: int, said: Queue[str]) -> None:
    with Ledger(path) as ledger:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        room = path.with_name(f"{path.name}-wal").stat().st_size + 30_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        for number in range(100):
            try:
                draft = replace(FIRST, configuration={"x": "y" * size}, configuration_hash=str(number))
                opened(ledger, "shop", draft)
            except LedgerError as error:
                said.put(str(error))
                return
            said.put(f"{number + 1} opened")


@pytest.mark.parametrize("size", [10, 10_000_000])  # the greater does not fit in memory until the commit
def test_a_full_disk_is_said_and_costs_nothing_that_was_written(path: Path, size: int) -> None:
    said: Queue[str] = FORK.Queue()
    writer = FORK.Process(target=_write_on_a_full_disk, args=(path, size, said))
    writer.start()
    opened = 0
    while (word := said.get(timeout=60)) == f"{opened + 1} opened":
        opened += 1
    writer.join()
    assert word == f"The ledger {path} cannot be used: disk I/O error."
    assert len(states(path)) == opened


def test_a_ledger_held_by_another_is_said(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Ledger(path, patience=0.05) as ledger, pytest.raises(LedgerError, match="in use by another run"):
            opened(ledger, "shop", FIRST)
        with Ledger(path, patience=0.05, readonly=True) as ledger:
            assert ledger.releases("shop", 1) == ()


def test_a_missing_ledger_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"no ledger at .*: run playbooks/site\.yml"):
        Ledger(tmp_path / "ledger.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("readonly", [True, False])
def test_a_damaged_ledger_is_said(path: Path, readonly: bool) -> None:  # noqa: FBT001 - pytest gives it
    path.write_bytes(b"not a database, for sure" * 1000)
    with pytest.raises(LedgerError, match=r"cannot be read .* from a backup"):
        Ledger(path, readonly=readonly)
    with pytest.raises(LedgerError, match="cannot be read"):
        prepare(path)


def test_a_newer_ledger_is_refused_by_all(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match=r"newer Fairlead \(schema 99, this one knows 2\)"):
        Ledger(path)
    with pytest.raises(LedgerError, match="newer Fairlead"):
        prepare(path)


def test_an_older_ledger_asks_for_the_playbook_that_lifts_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 1")
    with pytest.raises(LedgerError, match=r"schema 1, this Fairlead needs 2: run playbooks/site\.yml"):
        Ledger(path)


def test_a_ledger_of_schema_1_is_lifted_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    tmp_path.chmod(0o700)
    old = {
        name: value for name, value in asdict(FIRST).items() if name not in {"kind", "irreversible", "ref"}
    }
    old |= {"configuration": '{"app": "shop"}', "app": "shop", "opened_at": "2026-01-02T03:04:05Z"}
    with closing(sqlite3.connect(path)) as db:
        for statement in MIGRATIONS[0]:
            db.execute(statement)
        for number, state in enumerate(["superseded", "active", "pending"], start=1):
            row = old | {"number": number, "state": state}
            db.execute(f"INSERT INTO releases ({', '.join(row)}) VALUES (:{', :'.join(row)})", row)  # noqa: S608
        db.execute("PRAGMA user_version = 1")
        db.commit()
        before = db.execute(f"SELECT {', '.join(row)} FROM releases").fetchall()  # noqa: S608 - our names
    path.chmod(0o600)
    assert prepare(path, check=True) == prepare(path) == ("schema 1 to 2",)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(f"SELECT {', '.join(row)} FROM releases").fetchall() == before  # noqa: S608 - our names
        with pytest.raises(sqlite3.IntegrityError, match="what a release is never changes"):
            db.execute("UPDATE releases SET kind = 'scale'")
    with Ledger(path) as ledger:
        newest = ledger.releases("shop", 1)[0]
        assert (newest.kind, newest.irreversible, newest.ref) == ("deploy", False, "")
        assert ledger.begin("shop", ADA, 0.5).token == 1
        ledger.activate("shop", 3, "ok", 1)
    assert states(path) == {3: "active", 2: "superseded", 1: "superseded"}


def test_a_release_that_cannot_move_is_said(path: Path) -> None:
    with Ledger(path) as ledger, pytest.raises(LedgerError, match=r"There is no release v9; .* v0\."):
        ledger.activate("shop", 9)


def test_check_mode_takes_the_release_that_a_real_run_would_open_as_open(path: Path) -> None:
    with Ledger(path) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1)
    with Ledger(path, readonly=True) as foreseen:
        moves = foreseen.activate("shop", 2)
    assert [(move.number, move.after) for move in moves] == [(1, "superseded"), (2, "active")]
    assert states(path) == {1: "active"}
    with Ledger(path, readonly=True) as foreseen, pytest.raises(LedgerError, match="There is no release v3"):
        foreseen.activate("shop", 3)
