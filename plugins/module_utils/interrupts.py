# SPDX-License-Identifier: GPL-3.0-or-later
"""An interrupt that comes while the run forks is not lost.

A run forks a worker for each host of each task, which takes some milliseconds of a large process. An
interrupt that comes meanwhile is handled by Python right behind the fork, within what ``os.register_at_fork``
has been given, where every exception is ignored: Ansible's own KeyboardInterrupt goes nowhere, and the run
goes on. So it is remembered there, and sent once more when the fork is over.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_LATER = 0.01  # seconds until it is sent once more, by when the hooks of this fork have ended
_Handler = Callable[[int, FrameType | None], Any]


class _Guard:
    """What is known of the fork that is going on, if any."""

    def __init__(self) -> None:
        self.forking = False
        self.came = False

    def begins(self) -> None:
        self.forking = True

    def is_over(self) -> None:
        self.forking = False
        if self.came:
            self.came = False
            again = threading.Timer(_LATER, os.kill, (os.getpid(), signal.SIGINT))
            again.daemon = True
            again.start()

    def in_child(self) -> None:
        self.forking = self.came = False


_guard: list[_Guard] = []  # one for the process; its hooks cannot be taken back


def keep_interrupts() -> None:
    """Let the interrupt's present handler not be called during a fork, but right after it."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or isinstance(handler, _Kept):
        return
    if not _guard:
        _guard.append(_Guard())
        os.register_at_fork(
            before=_guard[0].begins, after_in_parent=_guard[0].is_over, after_in_child=_guard[0].in_child
        )
    signal.signal(signal.SIGINT, _Kept(handler, _guard[0]))


class _Kept:
    """A handler that waits for the end of a fork."""

    def __init__(self, handler: _Handler, guard: _Guard) -> None:
        self._handler, self._guard = handler, guard

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._guard.forking:
            self._guard.came = True
        else:
            self._handler(number, frame)
