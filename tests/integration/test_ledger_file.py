# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger as a file: who can read it, and what is said when it or its disk is not as it should be."""

from __future__ import annotations

import resource
import signal
import sqlite3
import stat
import subprocess
from contextlib import closing
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.schema import VERSION
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError
from tests.integration.ledger_rig import FIRST, FORK, made, opened, states


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path)


def test_prepare_makes_a_private_durable_file_once(tmp_path: Path) -> None:
    path = tmp_path / "fairlead" / "ledger.db"
    predicted = File(path).prepare(check=True)
    assert not path.parent.exists()
    assert File(path).prepare() == predicted != ()
    assert File(path).prepare() == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_prepare_mends_modes_and_keeps_releases(path: Path) -> None:
    with Ledger(File(path)) as ledger:
        opened(ledger, "shop", FIRST)
    path.chmod(0o644)
    assert File(path).prepare() == (f"mode of {path} 0644 to 0600",)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert states(File(path)) == {1: "pending"}


def _write_on_a_full_disk(path: Path, size: int, said: Queue[str]) -> None:
    with Ledger(File(path)) as ledger:
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
    assert len(states(File(path))) == opened


def _fill(ledger: Ledger) -> None:
    for number in range(100):
        opened(ledger, "shop", replace(FIRST, configuration_hash=str(number)))


def test_a_disk_without_room_is_called_full(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(tmp_path)], check=True)
    try:
        path = made(tmp_path)
        with Ledger(File(path)) as ledger, pytest.raises(LedgerError, match="its disk is full: make room on"):
            _fill(ledger)
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_missing_ledger_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"no ledger at .*site\.yml.*restore\.yml.*recover\.yml"):
        Ledger(File(tmp_path / "ledger.db"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("readonly", [True, False])
def test_a_damaged_ledger_is_said(path: Path, readonly: bool) -> None:  # noqa: FBT001 - pytest gives it
    path.write_bytes(b"not a database, for sure" * 1000)
    with pytest.raises(LedgerError, match=r"cannot be read .* from a backup"):
        Ledger(File(path), readonly=readonly)
    with pytest.raises(LedgerError, match="cannot be read"):
        File(path).prepare()
