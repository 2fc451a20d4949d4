# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab with the platform on it, and a copy of `apps/` that a test may edit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.playbook import ROOT, Outcome, play


@dataclass(frozen=True)
class Repository:
    """The app files of a person who deploys to the lab."""

    apps: Path

    def edit(self, *changes: tuple[str, str]) -> None:
        """Replace words in apps/shop.yml; each must be there once."""
        file = self.apps / "shop.yml"
        text = file.read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text)

    def deploy(self, *arguments: str, app: str = "shop", on: str = "lab", **variables: object) -> Outcome:
        """Run deploy.yml for an app of this repository."""
        return play("deploy.yml", *arguments, on=on, app=app, fairlead_apps=str(self.apps), **variables)


@pytest.fixture(scope="session")
def lab() -> None:
    """Six machines on which site.yml has run."""
    subprocess.run([sys.executable, "-m", "tests.lab", "up"], cwd=ROOT, check=True)
    site = play("playbooks/site.yml")
    assert site.rc == 0, site.output


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A fresh copy of the sample's app file and source; it rolls over at once unless a test sets a pace."""
    shutil.copytree(ROOT / "apps", tmp_path / "apps")
    sample = Repository(tmp_path / "apps")
    sample.edit(("parallelism: 2", "parallelism: all"))
    return sample


@pytest.fixture
def deployed(lab: None, repository: Repository) -> Repository:  # noqa: ARG001 - it must be up
    """The sample, deployed as the repository has it."""
    outcome = repository.deploy()
    assert outcome.rc == 0, outcome.output
    return repository


@pytest.fixture(scope="session")
def on() -> Callable[..., str]:
    """Run a command as root on a machine of the lab and return what it prints."""

    def run(machine: str, *command: str) -> str:
        argv = ["docker", "exec", f"fairlead-{machine}", *command]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    return run
