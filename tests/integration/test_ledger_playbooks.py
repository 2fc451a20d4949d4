# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore as playbooks do them: managers on this machine, each with a /var/lib of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.backup import dump
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from tests.integration.ledger_rig import FIRST, SECOND, opened, states
from tests.integration.managers_rig import NAMES, Managers


@pytest.fixture
def managers(tmp_path: Path) -> Managers:
    managers = Managers(tmp_path)
    for name in NAMES:  # as site.yml does it
        File(managers.ledger(name)).prepare()
    write(managers, "shop")
    return managers


def write(managers: Managers, app: str) -> None:
    with Ledger(File(managers.ledger("m1"))) as ledger:
        opened(ledger, app, FIRST if app == "shop" else SECOND)


def lose(managers: Managers) -> None:
    managers.ledger("m1").unlink()


def test_every_other_manager_gets_a_backup_that_is_never_shown(managers: Managers) -> None:
    done = managers.back_up("-vvv", "--diff")
    assert done.returncode == 0, done.stdout
    for name in ("m2", "m3"):
        assert states(File(managers.backup(name))) == {1: "pending"}
    assert not managers.backup("m1").exists()
    assert dump(managers.ledger("m1"))[1][:60] not in done.stdout + done.stderr
    assert "changed=0" in managers.back_up().stdout


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("out of reach", "m2: Task failed: "),
        ("another ledger", "m2: The backup /var/lib/fairlead/backup/ledger.db is of another ledger"),
        ("no ledger", "m1: There is no ledger at /var/lib/fairlead/ledger.db."),
    ],
)
def test_a_backup_that_cannot_be_made_is_said_and_fails_no_run(
    managers: Managers, trouble: str, why: str
) -> None:
    if trouble == "another ledger":
        File(managers.backup("m2")).prepare()
    if trouble == "no ledger":
        lose(managers)
    done = managers.back_up(out_of_reach="m2" if trouble == "out of reach" else "")
    assert done.returncode == 0, done.stdout
    said = " ".join(done.stdout.split())
    assert (
        f"The ledger is not backed up everywhere; the next run that changes something tries again. Why: {why}"
        in said
    )
    assert "went on: localhost" in said
    assert "went on: m1" in said
    if trouble != "no ledger":
        assert states(File(managers.backup("m3"))) == {1: "pending"}


def test_the_newest_backup_that_can_be_reached_is_restored(managers: Managers) -> None:
    managers.back_up()
    write(managers, "blog")
    managers.back_up(out_of_reach="m2")
    refused = managers.restore()
    assert refused.returncode != 0
    assert "with 2 releases: nothing was restored" in " ".join(refused.stdout.split())
    lose(managers)
    foreseen = managers.restore("--check")
    assert (foreseen.returncode, managers.ledger("m1").exists()) == (0, False)
    done = managers.restore("-vvv")
    assert done.returncode == 0, done.stdout
    assert "The ledger on m1 is that of the backup on m3." in " ".join(done.stdout.split())
    assert dump(managers.backup("m3"))[1][:60] not in done.stdout + done.stderr
    assert states(File(managers.ledger("m1")), "blog") == {1: "pending"}
    assert managers.restore("-e", "source=m2", "-e", "force=true", out_of_reach="m3").returncode == 0
    assert (states(File(managers.ledger("m1"))), states(File(managers.ledger("m1")), "blog")) == (
        {1: "pending"},
        {},
    )


def test_without_a_backup_it_is_said_what_each_manager_answered(managers: Managers) -> None:
    done = managers.restore(out_of_reach="m3")
    said = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert "There is no backup to restore from: nothing was touched." in said
    assert "m2: There is no ledger at /var/lib/fairlead/backup/ledger.db." in said
    assert "m3: Task failed" in said or "m3: Failed to connect" in said
    assert states(File(managers.ledger("m1"))) == {1: "pending"}


def test_a_manager_that_does_not_exist_is_refused(managers: Managers) -> None:
    done = managers.restore("-e", "source=m9")
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "has m1, m2, m3 in the group managers; expected at least one, and m9 among them." in said
