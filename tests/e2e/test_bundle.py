# SPDX-License-Identifier: GPL-3.0-or-later
"""A release carried in one file to a fleet that has no connection to anything, from its first day on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Repository
from tests.e2e.shop import answers
from tests.e2e.test_single import ADDRESS, LAB
from tests.playbook import ROOT, play

HOST = "198.18.0.1"  # this one, from which the machine is reached
CUT = f"ip route add {HOST} dev eth0 && ip route add blackhole 198.18.0.0/24 && ip route del default"


@pytest.fixture
def island() -> Iterator[None]:
    """One bare machine that reaches no other, neither Debian nor the lab."""
    subprocess.run([*LAB, "start", "s1", "--debian", "12", "--address", ADDRESS], cwd=ROOT, check=True)
    try:
        subprocess.run(["docker", "exec", "fairlead-s1", "sh", "-c", CUT], check=True)
        yield
    finally:
        subprocess.run([*LAB, "remove", "s1"], cwd=ROOT, check=True)


def fairlead(*words: str) -> str:
    """Run the command; return what it answers."""
    command = [sys.executable, "-m", "fairlead", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("lab", "island")
def test_a_bundle_is_all_that_an_island_needs(repository: Repository, tmp_path: Path) -> None:
    repository.edit(("scale: 4", "scale: 2"))
    outcome = repository.deploy()
    assert outcome.rc == 0, outcome.output
    bundle, apps = tmp_path / "shop.bundle", tmp_path / "island"
    apps.mkdir()
    fairlead(
        "bundle", "shop", "-o", str(bundle), "-i", "inventories/lab", "-e", f"fairlead_apps={repository.apps}"
    )

    site = play("playbooks/site.yml", on="single", fairlead_runtimes=[])
    assert site.rc == 0, site.output
    there = ("-i", "inventories/single", "-e", f"fairlead_apps={apps}")
    assert "SESSION_KEY" in fairlead("load", str(bundle), *there)
    island = Repository(apps)
    first = island.deploy(on="single")
    assert first.rc == 0, first.output
    assert answers(ADDRESS)["app"] == "shop"

    again = island.deploy(on="single")
    assert (again.rc, again.changed) == (0, {}), again.output
    fairlead("load", str(bundle), *there)
