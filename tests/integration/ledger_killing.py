# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers of the ledger that are killed at any moment, and what must be left of their work."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from tests.integration.ledger_rig import FIRST, FORK, Home, opened


def killed_writers(home: Home, folder: Path, kills: int, each: int) -> int:
    """Kill so many writers one after the other; return how many records they had acknowledged.

    ``each`` has at least so many acknowledged. Asserts that all are there, and that the ledger is whole.
    """
    acknowledged = folder / "acknowledged"
    acknowledged.touch()
    for turn in range(1, kills + 1):
        writer = FORK.Process(target=_write_on, args=(home, acknowledged))
        writer.start()
        while acknowledged.read_text().count("\n") < each * turn:
            assert writer.is_alive()
        writer.kill()
        writer.join()
    said = set(acknowledged.read_text().splitlines())
    with Ledger(home.place) as ledger:
        assert said <= {f"{event.number} {event.kind}" for event in ledger.events("shop", 10**6)}
    assert home.url or home.ask("PRAGMA integrity_check") == [("ok",)]
    found = home.ask("SELECT number, state FROM releases ORDER BY number")
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    assert {state for _, state in found} <= {"active", "superseded", "failed", "pending"}
    return len(said)


def _write_on(home: Home, acknowledged: Path) -> None:
    with Ledger(home.place) as ledger, acknowledged.open("a") as said:
        while True:
            number, _ = opened(ledger, "shop", replace(FIRST, configuration_hash=os.urandom(8).hex()))
            said.write(f"{number} opened\n")
            said.flush()
            ledger.activate("shop", number, "ok")
            said.write(f"{number} activated\n")
            said.flush()
