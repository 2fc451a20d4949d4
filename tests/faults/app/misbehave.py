# SPDX-License-Identifier: GPL-3.0-or-later
"""``python3 -m shop.misbehave``: the sample app, with one vice that the variable ``VICE`` names.

It is copied beside the sample's own code for the cases, so that the sample itself stays clean.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any

program: Any = import_module("shop.__main__")
Shop: Any = import_module("shop.web")._Shop  # noqa: SLF001 - a vice is what the sample has no door for
Query = dict[str, str]
_PINGS = count(1)


def crash() -> None:
    """Leave with 7 some seconds after the start, in the middle of whatever is going on."""
    threading.Timer(float(os.environ["AFTER"]), lambda: os._exit(7)).start()


def hang() -> None:
    """Accept health checks and never answer them."""
    Shop._ping = lambda _self, _query: time.sleep(60)  # noqa: SLF001


def redirect() -> None:
    """Answer health checks with a redirect to a page that there is not."""
    Shop._ping = lambda self, _: self.answer(  # noqa: SLF001
        302, "text/plain", "over there\n", lambda: self.send_header("Location", "/nowhere")
    )


def flap() -> None:
    """Fail every third health check."""
    Shop._ping = lambda self, _: self.answer(  # noqa: SLF001
        500 if next(_PINGS) % 3 == 0 else 200, "text/plain", "pong\n"
    )


def allocate() -> None:
    """Ask for more and more memory, and use it."""
    hoard = []
    while True:
        hoard.append(os.urandom(2**20))


def fork() -> None:
    """Have as many children as the kernel allows, and go on trying."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        try:
            if os.fork() == 0:
                signal.pause()
        except OSError:
            time.sleep(0.05)


def flood() -> None:
    """Log as much as the engine takes, beside serving."""
    lines = ("x" * 1000 + "\n") * 100

    def write() -> None:
        while True:
            sys.stdout.write(lines)

    threading.Thread(target=write, daemon=True).start()


def stay() -> None:
    """Do not stop when asked to."""
    program.wait_for_stop = threading.Event().wait


VICES: dict[str, Callable[[], object]] = {
    vice.__name__: vice for vice in (crash, hang, redirect, flap, allocate, fork, flood, stay)
}


if __name__ == "__main__":
    VICES.get(os.environ.get("VICE", ""), lambda: None)()
    sys.exit(program.main())
