# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manager promises: a ledger that is kept, and that only root can read."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

LEDGER = "/var/lib/fairlead/ledger.db"
ASK = "import json, sqlite3; print(json.dumps(sqlite3.connect('{ledger}').execute('{query}').fetchall()))"


def ask(host: Host, query: str) -> list[list[object]]:
    with host.sudo():
        rows: list[list[object]] = json.loads(
            host.check_output("python3 -c %s", ASK.format(ledger=LEDGER, query=query))
        )
    return rows


@pytest.mark.parametrize(("path", "mode"), [("/var/lib/fairlead", 0o700), (LEDGER, 0o600)])
def test_the_ledger_is_roots_alone(host: Host, path: str, mode: int) -> None:
    with host.sudo():
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", mode)
    assert host.run("ls %s", path).rc != 0


def test_what_is_written_is_on_the_disk(host: Host) -> None:
    assert ask(host, "PRAGMA journal_mode") == [["wal"]]
    assert ask(host, "PRAGMA integrity_check") == [["ok"]]


def test_the_release_is_kept(host: Host) -> None:
    found = ask(host, "SELECT app, number, state, outcome FROM releases")
    assert found == [["shop", 1, "active", "4 started"]]
