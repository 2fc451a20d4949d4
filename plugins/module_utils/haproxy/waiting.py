# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a condition: one deadline, one probe."""

from __future__ import annotations

import time
from collections.abc import Callable

_PAUSE = 0.05


def until(holds: Callable[[], bool], deadline: float, pause: float = _PAUSE) -> bool:
    """Ask, at least once, until it holds or the deadline (``time.monotonic``) is past; say which."""
    while not holds():
        if time.monotonic() + pause > deadline:
            return False
        time.sleep(pause)
    return True


def after(seconds: float) -> float:
    """Return the deadline that many seconds from now."""
    return time.monotonic() + seconds
