# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence on a real file system, between real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.fence import Fenced, fenced
from tests.playbook import ROOT

HOLDER = """
import sys
from pathlib import Path
from ansible_collections.fairlead.paas.plugins.module_utils.fence import fenced
with fenced("shop", int(sys.argv[2]), folder=Path(sys.argv[1])):
    print("inside", flush=True)
    sys.stdin.read()
"""


def holding(folder: Path, token: int) -> subprocess.Popen[str]:
    """Return another process that is changing shop until its input ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(token)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT / ".collections")},
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "inside\n"
    return holder


def test_an_older_run_is_refused_once_a_newer_one_has_been_here(tmp_path: Path) -> None:
    with fenced("shop", 7, folder=tmp_path):
        pass
    with fenced("shop", 8, folder=tmp_path):
        pass
    with (
        pytest.raises(Fenced, match=r"newer run \(token 8\).*this one \(token 7\)"),
        fenced("shop", 7, folder=tmp_path),
    ):
        pytest.fail("an old token got in")


def test_the_same_run_comes_again_and_other_apps_do_not_matter(tmp_path: Path) -> None:
    for app, token in (("shop", 8), ("shop", 8), ("blog", 1)):
        with fenced(app, token, folder=tmp_path):
            pass


def test_a_newer_run_waits_until_the_change_under_way_has_ended(tmp_path: Path) -> None:
    with holding(tmp_path, 7) as older:
        with (
            pytest.raises(Fenced, match="another run is changing shop"),
            fenced("shop", 8, wait=0.3, folder=tmp_path),
        ):
            pytest.fail("two runs changed shop at the same time")
        with fenced("blog", 1, wait=0.3, folder=tmp_path):
            pass
        older.communicate("")
    with fenced("shop", 8, wait=0.3, folder=tmp_path):
        pass


def test_a_run_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with holding(tmp_path, 7) as older:
        older.kill()
        older.wait()
        with fenced("shop", 8, wait=5, folder=tmp_path):
            pass


def test_a_change_ends_when_its_run_is_gone_and_holds_nothing(tmp_path: Path) -> None:
    with holding(tmp_path, 7) as older:
        assert older.stdout
        older.stdout.close()  # as when the connection that reads the module's output is closed
        assert older.wait(5) == 1
    with fenced("shop", 8, wait=0.3, folder=tmp_path):
        pass


def test_a_change_by_hand_is_not_fenced(tmp_path: Path) -> None:
    with fenced("shop", 8, folder=tmp_path), fenced("shop", None, folder=tmp_path):
        pass
