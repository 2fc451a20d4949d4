# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's writer, killed so often that every moment of its work has its turn."""

from __future__ import annotations

from pathlib import Path

from tests.faults.case import Measured
from tests.faults.harness import measuring
from tests.integration.ledger_killing import killed_writers
from tests.integration.ledger_rig import Home, made


def test_a_writer_killed_250_times_loses_nothing_acknowledged(tmp_path: Path) -> None:
    title = "the ledger's writer is killed 250 times"
    with measuring(Measured(title, "Disks and the ledger")) as measured:
        acknowledged = killed_writers(Home(str(made(tmp_path))), tmp_path, kills=250, each=5)
        measured.said = f"{acknowledged} records acknowledged, all there, integrity check ok"
