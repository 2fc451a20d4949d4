# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commit is older, asked of real git checkouts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.provenance import is_older, provenance_of


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, str, str]:
    """Return a checkout and its two commits, the older one first."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commits = [commit(tmp_path, text) for text in ("one", "two")]
    return tmp_path, commits[0], commits[1]


def git(place: Path, *arguments: str) -> str:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    argv = ["git", "-C", str(place), *who, *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def commit(place: Path, text: str) -> str:
    (place / "file").write_text(text)
    git(place, "add", "file")
    git(place, "commit", "--quiet", "--message", text)
    return git(place, "rev-parse", "HEAD")


def test_the_earlier_commit_of_a_branch_is_older(checkout: tuple[Path, str, str]) -> None:
    place, one, two = checkout
    assert is_older(place, one, two)
    assert not is_older(place, two, one)
    assert not is_older(place, two, two)


def test_a_commit_of_another_branch_is_not(checkout: tuple[Path, str, str]) -> None:
    place, one, two = checkout
    git(place, "checkout", "--quiet", "-b", "side", one)
    side = commit(place, "side")
    assert not is_older(place, side, two)
    assert not is_older(place, two, side)


@pytest.mark.parametrize("unknown", ["", "0" * 40])
def test_of_a_commit_that_nobody_knows_nothing_is_said(checkout: tuple[Path, str, str], unknown: str) -> None:
    place, one, _ = checkout
    assert not is_older(place, one, unknown)
    assert not is_older(place, unknown, one)


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    found = provenance_of(tmp_path)
    assert (found.git_commit, found.git_dirty) == ("", False)
    assert not is_older(tmp_path, "a" * 40, "b" * 40)
