# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry as the store of releases: what runs is signed, what nothing needs goes, the way back stays."""

from __future__ import annotations

from tests.e2e.conftest import Repository
from tests.e2e.shop import answers, containers
from tests.playbook import Outcome, play


def pruned(repository: Repository, *flags: str) -> Outcome:
    """Prune down to what one release back needs, whatever its age."""
    apps = str(repository.apps)
    outcome = play(
        "playbooks/prune.yml",
        "--diff",
        *flags,
        fairlead_retain=1,
        fairlead_prune_grace="0s",
        fairlead_apps=apps,
    )
    assert outcome.rc == 0, outcome.output
    return outcome


def gone(outcome: Outcome) -> list[str]:
    """Return the lines that say what goes."""
    return sorted(line for line in outcome.output.splitlines() if line.startswith("  - "))


def test_old_images_go_and_the_way_back_stays(deployed: Repository) -> None:
    for number in range(3):
        page = deployed.apps / "shop/shop/pages.py"
        page.write_text(f"{page.read_text()}# {number}\n")
        outcome = deployed.deploy(fairlead_require_signed=True)
        assert outcome.rc == 0, outcome.output
    before = containers()

    foreseen = pruned(deployed, "--check")
    done = pruned(deployed)
    assert gone(foreseen) == gone(done) != []
    assert set(done.changed) == set(foreseen.changed)
    assert "m1" in done.changed
    assert pruned(deployed).changed == {}
    assert containers() == before

    apps = str(deployed.apps)
    back = play("playbooks/rollback.yml", app="shop", fairlead_apps=apps, fairlead_require_signed=True)
    assert back.rc == 0, back.output
    assert answers()["app"] == "shop"
    again = deployed.deploy(fairlead_require_signed=True)
    assert again.rc == 0, again.output
