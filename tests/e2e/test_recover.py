# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger is lost: what runs goes on, and the ledger is rebuilt from it or put back from a backup."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Repository
from tests.e2e.running import running
from tests.e2e.shop import containers, slots
from tests.playbook import Outcome, play

LEDGER = "/var/lib/fairlead/ledger.db"
BACKUP = "/var/lib/fairlead/backup/ledger.db"
On = Callable[..., str]


def words(outcome: Outcome) -> str:
    """Return all that was printed, without the breaks of lines."""
    return " ".join(outcome.output.split())


def lose_the_ledger(on: On) -> None:
    on("m1", "sh", "-c", f"rm {LEDGER}*")


@pytest.fixture
def released(lab: None, repository: Repository) -> Repository:  # noqa: ARG001 - it must be up
    """The sample in a release whose containers were all started by it."""
    repository.edit(("GREETING: hello", f"GREETING: once-{uuid.uuid4()}"))
    outcome = repository.deploy()
    assert outcome.rc == 0, outcome.output
    return repository


@pytest.fixture
def two_managers(tmp_path: Path, on: On) -> Iterator[str]:
    """The arguments that make r1 the second manager."""
    inventory = tmp_path / "managers.yml"
    inventory.write_text("managers: {hosts: {m1: {}, r1: {}}}\n")
    yield f"-i {inventory}"
    on("r1", "rm", "-rf", "/var/lib/fairlead/backup")


def test_a_lost_ledger_is_rebuilt_from_what_runs(released: Repository, on: On) -> None:
    before = containers()
    lose_the_ledger(on)
    refused = released.deploy()
    assert refused.rc != 0
    assert "playbooks/recover.yml rebuilds it from what runs" in words(refused)
    assert refused.changed == {}

    predicted = play("playbooks/recover.yml", "--check")
    done = play("playbooks/recover.yml")

    assert done.rc == predicted.rc == 0, done.output
    assert done.changed == predicted.changed
    assert len(done.changed) == 1
    assert re.search(r"shop +v[0-9]+ +active +5 containers of v[0-9]+, as v[0-9]+ says", done.output)
    assert "could not be known:" in done.output
    listed = play("playbooks/releases.yml", app="shop", fairlead_apps=str(released.apps))
    assert re.search(r"v[0-9]+ +active .* recover .* rebuilt from 5 containers of v[0-9]+", listed.output)

    again = released.deploy()
    assert (again.rc, again.changed) == (0, {}), again.output
    assert containers() == before
    second = play("playbooks/recover.yml")
    assert (second.rc, second.changed) == (0, {}), second.output
    assert "nothing: the ledger knows releases of it" in second.output
    released.edit(("scale: 4", "scale: 3"))
    assert released.deploy().rc == 0
    assert set(containers()) < set(before)


def test_one_that_was_lost_in_mid_roll_and_made_anew_is_rebuilt_too(released: Repository, on: On) -> None:
    released.edit(("GREETING: once", "GREETING: twice"), ("parallelism: all", "parallelism: 2"))
    with running("deploy.yml", app="shop", fairlead_apps=released.apps) as deploy:
        deploy.reaches("Route to the new instances")
        deploy.kill()
    lose_the_ledger(on)
    assert play("playbooks/site.yml", "--limit m1").rc == 0

    refused = released.deploy()
    assert refused.rc != 0
    assert "the ledger knows no release of it" in words(refused)
    assert refused.changed == {}
    done = play("playbooks/recover.yml")
    assert done.rc == 0, done.output

    mended = released.deploy()
    assert mended.rc == 0, mended.output
    assert slots() == ["shop.web.1", "shop.web.2", "shop.web.3", "shop.web.4", "shop.worker.1"]
    assert released.deploy().changed == {}


def test_a_backup_is_put_back_rather_than_the_ledger_rebuilt(
    released: Repository, two_managers: str, on: On
) -> None:
    released.edit(("scale: 4", "scale: 3"))
    assert released.deploy(two_managers).rc == 0
    before = containers()
    lose_the_ledger(on)

    refused = play("playbooks/recover.yml", two_managers)
    assert refused.rc != 0
    assert "r1 keeps a backup of the ledger that was lost" in words(refused)
    assert refused.changed == {}
    assert play("playbooks/restore.yml", two_managers).rc == 0
    again = released.deploy(two_managers)
    assert (again.rc, again.changed, containers()) == (0, {}, before), again.output

    lose_the_ledger(on)
    forced = play("playbooks/recover.yml", two_managers, force=True)
    assert forced.rc == 0, forced.output
    kept = on("r1", "sh", "-c", f"ls {BACKUP}*").splitlines()
    assert len(kept) == 2
    assert kept[1].startswith(f"{BACKUP}.lost-")
    again = released.deploy(two_managers)
    assert (again.rc, containers()) == (0, before), again.output
