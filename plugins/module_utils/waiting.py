# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting, up to one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Deadline:
    """The moment up to which anything may be waited for; the clock and the sleep are injected."""

    seconds: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    end: float = field(init=False)

    def __post_init__(self) -> None:
        """Fix the end: the deadline counts from when it was made."""
        object.__setattr__(self, "end", self.now() + self.seconds)

    def pause(self, seconds: float) -> bool:
        """Sleep, at most until the end; say whether there is time left for another turn."""
        left = self.end - self.now()
        if left <= 0:
            return False
        self.sleep(min(seconds, left))
        return True

    def until(self, holds: Callable[[], bool], pause: float = 0.05) -> bool:
        """Ask, at least once, until it holds or no time is left; say which."""
        while not holds():
            if not self.pause(pause):
                return False
        return True
