# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that a run starts and does not wait for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable


def beside(work: Callable[[], object]) -> None:
    """Return at once; ``work`` is done by a process in the background, whatever becomes of this one.

    It has a session of its own: an interrupt from the terminal is for the run. Nobody is told of its errors.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            _be_quiet()
            work()
    finally:
        os._exit(0)


def _be_quiet() -> None:
    """Hold nothing of the run's: neither its terminal, nor pipes whose end somebody waits for."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
