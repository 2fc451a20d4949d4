# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager's own clock: it never jumps, counts while the machine is suspended, and starts anew at boot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Instant:
    """A moment of one boot of the manager."""

    boot: str
    seconds: float

    def on(self, now: Instant) -> float:
        """Return this moment in seconds of the present boot; what was before it counts as its first."""
        return self.seconds if self.boot == now.boot else 0.0

    def later(self, seconds: float) -> Instant:
        """Return the moment so many seconds later."""
        return Instant(self.boot, self.seconds + seconds)


Clock = Callable[[], Instant]


def machine_clock() -> Instant:
    """Return the present moment of this machine."""
    return Instant(_BOOT_ID.read_text().strip(), time.clock_gettime(time.CLOCK_BOOTTIME))
