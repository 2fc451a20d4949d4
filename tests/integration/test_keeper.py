# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper beside real processes that end in all the ways there are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.playbook import ROOT

RUN = """
import multiprocessing, os, signal, sys, time
from pathlib import Path
from ansible_collections.fairlead.paas.plugins.module_utils.keeper import keep, run_of_this_worker
place, dies_early = Path(sys.argv[1]), sys.argv[2:] == ["dies"]
signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts the tests may ignore it

def note(name):
    def write():
        with (place / name).open("a") as file:
            file.write(f"{os.getpid()}\\n")
        return not (place / "lost").exists()
    return write

run = os.getpid()

def work():  # as a task's worker does, which ends with its task
    while dies_early and os.getppid() == run:
        time.sleep(0.01)
    keep(run_of_this_worker(), note("renewed"), note("released"), every=0.1)

worker = multiprocessing.get_context("fork").Process(target=work)
worker.start()
if dies_early:
    os.kill(os.getpid(), signal.SIGKILL)
worker.join()
print("kept", flush=True)
sys.stdin.read()
"""
PATIENCE = 10  # seconds


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def keeping(place: Path) -> subprocess.Popen[str]:
    """Return a run that has begun to keep its lease."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT / ".collections")},
        text=True,
        start_new_session=True,
    )
    assert run.stdout
    assert run.stdout.readline() == "kept\n"
    return run


def times(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_it_renews_while_the_run_lives_and_releases_once_when_it_ends(tmp_path: Path) -> None:
    with keeping(tmp_path) as run:
        until(lambda: times(tmp_path / "renewed") >= 3)
        assert times(tmp_path / "released") == 0
        run.communicate("")
    until(lambda: times(tmp_path / "released") == 1)
    renewed = times(tmp_path / "renewed")
    keeper = int((tmp_path / "released").read_text())
    until(lambda: not Path(f"/proc/{keeper}").exists())
    assert times(tmp_path / "renewed") == renewed


def test_what_a_worker_takes_for_a_run_that_has_died_meanwhile_is_released_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path), "dies"]
    died = subprocess.run(command, env={"PYTHONPATH": str(ROOT / ".collections")}, check=False)
    assert died.returncode == -signal.SIGKILL
    until(lambda: times(tmp_path / "released") == 1)
    keeper = int((tmp_path / "released").read_text())
    until(lambda: not Path(f"/proc/{keeper}").exists())
    assert times(tmp_path / "renewed") == 0


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_it_releases_however_the_run_is_ended(tmp_path: Path, end: signal.Signals) -> None:
    with keeping(tmp_path) as run:
        os.killpg(run.pid, end)
        run.wait(PATIENCE)
        until(lambda: times(tmp_path / "released") == 1)


def test_it_ends_and_releases_nothing_when_nothing_is_left_to_keep(tmp_path: Path) -> None:
    with keeping(tmp_path) as run:
        until(lambda: times(tmp_path / "renewed") >= 1)
        keeper = int((tmp_path / "renewed").read_text().split()[0])
        (tmp_path / "lost").touch()
        until(lambda: not Path(f"/proc/{keeper}").exists())
        assert run.poll() is None
        run.communicate("")
    assert times(tmp_path / "released") == 0


def test_it_keeps_no_pipe_of_the_run_open(tmp_path: Path) -> None:
    """A pipeline waits for the end of the run's output; a keeper that held it would hang the pipeline."""
    with keeping(tmp_path) as run:
        until(lambda: times(tmp_path / "renewed") >= 1)
        run.kill()
        output, _ = run.communicate(timeout=PATIENCE)
        assert output == ""


def test_if_the_keeper_is_killed_nothing_renews_and_the_run_goes_on(tmp_path: Path) -> None:
    with keeping(tmp_path) as run:
        until(lambda: times(tmp_path / "renewed") >= 1)
        keeper = int((tmp_path / "renewed").read_text().split()[0])
        os.kill(keeper, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{keeper}").exists())
        renewed = times(tmp_path / "renewed")
        assert run.poll() is None
        run.communicate("")
    assert (times(tmp_path / "renewed"), times(tmp_path / "released")) == (renewed, 0)
