# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks without a free byte, and the ledger gone."""

from __future__ import annotations

from tests.faults.case import Met, case
from tests.faults.machines import MANAGER, NODES, full, shell
from tests.faults.scene import Scene

from .registry import another_image

LEDGER = "/var/lib/fairlead"
_FOLD = (
    "python3 -c \"import sqlite3; sqlite3.connect('/var/lib/fairlead/ledger.db')"
    ".execute('PRAGMA wal_checkpoint(TRUNCATE)')\""
)


@case("a full disk on a node", fails=NODES, says=("no space left on device",), returns=True, quick=True)
def full_node(scene: Scene) -> Met:
    with another_image(scene), full(scene.home(), "/var/lib/docker/tmp"):
        return scene.run()


@case(
    "a full disk on the manager",
    fails=("m1",),
    says=("The ledger /var/lib/fairlead/ledger.db cannot be used",),
    returns=True,
)
def full_manager(scene: Scene) -> Met:
    shell(MANAGER, _FOLD)
    with scene.trying(), full(MANAGER, LEDGER):
        return scene.run()


@case("the ledger is deleted", fails=("m1",), says=("playbooks/recover.yml rebuilds it from what runs",))
def ledger_deleted(scene: Scene) -> Met:
    scene.wish()
    assert scene.run().rc == 0
    scene.rest()
    before = scene.identities()
    shell(MANAGER, f"rm {LEDGER}/ledger.db*")
    refused = scene.run()
    recovered = scene.run("recover")
    assert recovered.rc == 0, recovered.output
    assert scene.identities() == before
    return refused
