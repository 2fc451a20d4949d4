# SPDX-License-Identifier: GPL-3.0-or-later
"""Interrupts that come while a process forks."""

from __future__ import annotations

import subprocess
import sys

from tests.lab.paths import ROOT

# What a hook behind a fork raises, as `logging` has one, is ignored: just there the interrupt comes.
PROGRAM = """
import os, signal, sys, time
from ansible_collections.fairlead.paas.plugins.module_utils.interrupts import keep_interrupts

def hook():
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass

os.register_at_fork(after_in_parent=hook)
if sys.argv[1] == "kept":
    keep_interrupts()
    keep_interrupts()
try:
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    time.sleep(1)
    print("went on")
except KeyboardInterrupt:
    print("interrupted")
"""


def ran(how: str) -> str:
    argv = [sys.executable, "-c", PROGRAM, how]
    path = {"PYTHONPATH": str(ROOT / ".collections")}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=path, timeout=30)
    return done.stdout


def test_one_that_comes_in_a_fork_is_not_lost() -> None:
    assert "interrupted" in ran("kept")


def test_without_us_it_is() -> None:
    assert "went on" in ran("lost")
