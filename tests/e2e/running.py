# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the real command that go on beside the test: to meet each other, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.playbook import ROOT

PROGRAM = Path(sys.executable).with_name("ansible-playbook")
# A shell that starts the tests in the background lets them, and all that they start, ignore an interrupt.
LAUNCH = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Run:
    """One ``ansible-playbook`` as a person or a pipeline starts it, in a process group of its own."""

    def __init__(self, playbook: str, *arguments: str, **variables: object) -> None:
        """Start it."""
        given = (part for name, value in variables.items() for part in ("-e", f"{name}={value}"))
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the run
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(PROGRAM), playbook, *arguments, *given],
            cwd=ROOT,
            env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return os.pread(self._output.fileno(), 10**7, 0).decode()

    def end(self, seconds: float = 300) -> int:
        """Wait for its end; return its exit code."""
        return self.process.wait(seconds)

    def kill(self, with_: signal.Signals = signal.SIGKILL) -> None:
        """Send the signal to the run and all its workers, as a pipeline that is cancelled does."""
        os.killpg(self.process.pid, with_)
        self.process.wait(30)

    def kill_alone(self, with_: signal.Signals = signal.SIGKILL) -> None:
        """Send the signal to the run and to none of its workers, as one who names its process does."""
        self.process.send_signal(with_)
        self.process.wait(30)

    def close(self) -> None:
        """Let go of its output."""
        self._output.close()

    def reaches(self, words: str, times: int = 1) -> None:
        """Wait until it has printed the words so many times."""
        until(lambda: self.output.count(words) >= times or self.process.poll() is not None)
        assert self.output.count(words) >= times, self.output


@contextmanager
def running(playbook: str, *arguments: str, **variables: object) -> Iterator[Run]:
    """Start a run, and leave none behind, nor workers of one that was killed alone."""
    run = Run(playbook, *arguments, **variables)
    try:
        yield run
    finally:
        with suppress(ProcessLookupError):
            run.kill()
        run.close()


def until(holds: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.05)
