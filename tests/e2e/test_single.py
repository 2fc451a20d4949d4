# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest real installation: one machine in all groups, from bare to a deployed app."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Repository
from tests.e2e.shop import answers
from tests.playbook import ROOT, play

ADDRESS = "198.18.3.1"
LAB = [sys.executable, "-m", "tests.lab"]


@pytest.fixture
def machine() -> Iterator[None]:
    """One bare machine."""
    subprocess.run([*LAB, "start", "s1", "--debian", "13", "--address", ADDRESS], cwd=ROOT, check=True)
    try:
        yield
    finally:
        subprocess.run([*LAB, "remove", "s1"], cwd=ROOT, check=True)


@pytest.mark.usefixtures("machine")
def test_one_machine_is_a_whole_platform(repository: Repository) -> None:
    repository.edit(("scale: 4", "scale: 2"))

    site = play("playbooks/site.yml", on="single")
    assert site.rc == 0, site.output
    first = repository.deploy(on="single")
    assert first.rc == 0, first.output
    assert answers(ADDRESS)["app"] == "shop"
    second = repository.deploy(on="single")

    assert second.rc == 0, second.output
    assert second.changed == {}, second.output
