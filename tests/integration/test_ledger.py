# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger on real SQLite files, and the module on top of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import (
    MIGRATIONS,
    LedgerError,
    prepare,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Draft, Ledger
from ansible_collections.fairlead.paas.plugins.modules.ledger import ARGUMENTS, run

FIRST = Draft(
    configuration={"app": "shop", "processes": [{"name": "web", "scale": 4}]},
    configuration_hash="a" * 16,
    image="registry:5000/shop@sha256:" + "1" * 64,
    who="ada",
    host="laptop",
    git_commit="c0ffee",
    git_dirty=True,
    message="the first",
)
SECOND = replace(FIRST, configuration_hash="b" * 16, message="the second")
FORK = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "fairlead" / "ledger.db"
    prepare(path)
    return path


def states(path: Path, app: str = "shop") -> dict[int, str]:
    with Ledger(path, readonly=True) as ledger:
        return {release.number: release.state for release in ledger.releases(app, 1000)}


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
        ledger.open("shop", FIRST)
    path.chmod(0o644)
    assert prepare(path) == (f"mode of {path} 0644 to 0600",)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert states(path) == {1: "pending"}


def test_a_release_is_kept_as_it_was_given(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.open("shop", FIRST)
        ledger.activate("shop", 1, "4 instances started")
    with Ledger(path, readonly=True) as ledger:
        (release,) = ledger.releases("shop", 20)
    assert release.configuration == FIRST.configuration
    assert (release.who, release.host, release.git_commit, release.git_dirty) == (
        "ada",
        "laptop",
        "c0ffee",
        True,
    )
    assert (release.state, release.outcome) == ("active", "4 instances started")
    assert release.closed_at is not None
    assert release.opened_at <= release.closed_at


def test_a_life_of_releases(path: Path) -> None:
    with Ledger(path) as ledger:
        assert ledger.open("shop", FIRST)[0] == 1
        ledger.activate("shop", 1)
        assert ledger.open("shop", SECOND)[0] == 2
        ledger.fail("shop", 2, "web.1 on n1 did not become healthy")
        assert ledger.open("shop", SECOND)[0] == 3
        ledger.activate("shop", 3)
        assert ledger.open("blog", FIRST)[0] == 1
        assert states(path) == {3: "active", 2: "failed", 1: "superseded"}
        ledger.remove("shop")
        assert ledger.remove("shop") == ()
    assert states(path) == {3: "removed", 2: "failed", 1: "superseded"}
    assert states(path, "blog") == {1: "pending"}


def test_reading_gives_the_newest_first_up_to_the_limit(path: Path) -> None:
    with Ledger(path) as ledger:
        for number in range(1, 6):
            ledger.open("shop", replace(FIRST, configuration_hash=str(number)))
        assert [release.number for release in ledger.releases("shop", 2)] == [5, 4]
        assert ledger.releases("nothing", 2) == ()


def test_a_killed_run_is_resumed_or_marked(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.open("shop", FIRST)
    with Ledger(path) as ledger:
        assert ledger.open("shop", FIRST) == (1, ())
        assert ledger.open("shop", SECOND)[0] == 2
        newest, interrupted = ledger.releases("shop", 2)
    assert (newest.state, interrupted.state, interrupted.outcome) == ("pending", "failed", "interrupted")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM releases",
        "UPDATE releases SET image = 'other'",
        "UPDATE releases SET number = 9",
        "UPDATE releases SET configuration = '{}'",
    ],
)
def test_what_was_released_can_be_neither_changed_nor_deleted(path: Path, statement: str) -> None:
    with Ledger(path) as ledger:
        ledger.open("shop", FIRST)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError, match="never"):
        db.execute(statement)


def _open_many(path: Path, who: str, numbers: Queue[int]) -> None:
    for turn in range(20):
        with Ledger(path) as ledger:
            number, _ = ledger.open("shop", replace(FIRST, configuration_hash=f"{who}{turn}"))
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
    with Ledger(path) as ledger, ledger.change():
        ledger.insert("shop", 1, FIRST)
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
        assert ledger.open("shop", SECOND)[0] == 1


def test_a_ledger_held_by_another_is_said(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Ledger(path, patience=0.05) as ledger, pytest.raises(LedgerError, match="in use by another run"):
            ledger.open("shop", FIRST)
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
    with pytest.raises(LedgerError, match=r"newer Fairlead \(schema 99, this one knows 1\)"):
        Ledger(path)
    with pytest.raises(LedgerError, match="newer Fairlead"):
        prepare(path)


def test_an_older_ledger_asks_for_the_playbook_that_lifts_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")
    with pytest.raises(LedgerError, match=r"schema 0, this Fairlead needs 1: run playbooks/site\.yml"):
        Ledger(path)


def params(path: Path, do: str, **given: Any) -> dict[str, Any]:
    plain = {name: argument.get("default") for name, argument in ARGUMENTS.items()}
    return plain | {"path": str(path), "do": do, "app": "shop"} | given


OPEN = {"configuration": {"x": 1}, "configuration_hash": "h1", "image": "i@sha256:1"}


@pytest.mark.parametrize(
    ("do", "given", "said"),
    [
        ("open", OPEN, {"changed": True, "number": 2, "resumed": False}),
        ("open", OPEN | {"configuration_hash": "h0"}, {"changed": False, "number": 1, "resumed": True}),
        ("activate", {"number": 1}, {"changed": True}),
        ("fail", {"number": 1, "outcome": "no"}, {"changed": True}),
        ("remove", {}, {"changed": True}),
        ("prepare", {}, {"changed": False}),
    ],
)
def test_check_mode_predicts_exactly_and_changes_nothing(
    path: Path, do: str, given: dict[str, Any], said: dict[str, Any]
) -> None:
    with Ledger(path) as ledger:
        ledger.open("shop", replace(FIRST, configuration_hash="h0"))
    predicted = run(params(path, do, **given), check=True)
    assert states(path) == {1: "pending"}
    assert run(params(path, do, **given), check=False) == predicted
    assert predicted | said == predicted


def test_the_module_shows_the_states_that_move(path: Path) -> None:
    run(params(path, "open", **OPEN), check=False)
    run(params(path, "activate", number=1), check=False)
    run(params(path, "open", **OPEN | {"configuration_hash": "h2"}), check=False)
    shown = run(params(path, "activate", number=2), check=True)["diff"]
    assert shown == {"before": "v1 active\nv2 pending\n", "after": "v1 superseded\nv2 active\n"}


def test_the_module_reads_plain_data(path: Path) -> None:
    run(params(path, "open", **OPEN), check=False)
    (release,) = run(params(path, "read", limit=1), check=False)["releases"]
    assert release["configuration"] == {"x": 1}
    assert release["state"] == "pending"


def test_a_release_that_cannot_move_is_said(path: Path) -> None:
    with Ledger(path) as ledger, pytest.raises(LedgerError, match=r"There is no release v9; .* v0\."):
        ledger.activate("shop", 9)
