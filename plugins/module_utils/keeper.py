# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps something alive for as long as another process lives, and lets go of it when that has ended.

What holds a lease must end with the run and with nothing else: `always:` does not run when a run is killed,
and a task's worker ends with its task. So the keeper is a process of its own, which waits for the end of the
run's main process. If the keeper is killed too, nothing renews the lease, and it is soon over.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress

from .beside import beside

_GLANCE = 0.5  # seconds between two looks at the process, where the kernel cannot tell of its end


def run_of_this_worker() -> int:
    """Return the process id of the run that a worker was forked from, also if that has ended since.

    The kernel's answer would then be somebody else, who may live on for weeks.
    """
    run = multiprocessing.parent_process()
    return run.pid if run and run.pid else os.getppid()


def keep(process: int, renew: Callable[[], bool], release: Callable[[], object], every: float) -> None:
    """Return at once; a process in the background renews every so many seconds until ``process`` ends.

    It also ends, and releases nothing, when ``renew`` says that there is nothing left to keep. Errors are not
    reported: whoever may have taken over is fenced off by its token, not by this.
    """
    beside(lambda: _watch(process, renew, release, every))


def _watch(process: int, renew: Callable[[], bool], release: Callable[[], object], every: float) -> None:
    has_ended = _ending_of(process)
    # There is nobody left to tell of an error.
    while not has_ended(every):
        with suppress(Exception):
            if not renew():
                return
    with suppress(Exception):
        release()


def _ending_of(process: int) -> Callable[[float], bool]:
    """Return a function that waits up to so many seconds and says whether the process has ended."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return lambda _: True
    except (AttributeError, OSError):  # no Linux, or an old one
        return lambda seconds: _gone(process, seconds)
    return lambda seconds: bool(select.select([handle], [], [], seconds)[0])


def _gone(process: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(_GLANCE)
    return False
