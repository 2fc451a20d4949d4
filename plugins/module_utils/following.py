# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a long task writes to a log elsewhere, while it runs."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_EVERY = 0.5  # seconds between two looks


@contextmanager
def followed(read: Callable[[int], bytes], say: Callable[[str], None]) -> Iterator[None]:
    """Say each line of a log while what is done within goes on, and what is left of it at the end.

    ``read`` returns what the log has from a byte on, nothing where there is none yet. It is asked by a
    process of its own, which has no part in how the task ends: that nothing can be shown is no failure.
    """
    ends, ending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.close(ending)  # so that the end of the task, whatever it is, is the end of the pipe
            _follow(ends, read, say)
        finally:
            os._exit(0)
    os.close(ends)
    try:
        yield
    finally:
        os.close(ending)
        os.waitpid(child, 0)


def _follow(ends: int, read: Callable[[int], bytes], say: Callable[[str], None]) -> None:
    seen, rest, over = 0, b"", False
    while not over:
        over = bool(select.select([ends], [], [], _EVERY)[0])
        with suppress(Exception):
            data = read(seen)
            seen += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                say(line.decode(errors="replace"))
    if rest:
        say(rest.decode(errors="replace"))
