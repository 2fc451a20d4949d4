# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGTERM and SIGINT, waited for instead of handled: no code runs at a moment it did not choose."""

from __future__ import annotations

import signal

_STOP = {signal.SIGTERM, signal.SIGINT}


def keep_stop_signals() -> None:
    """Keep the signals to stop until somebody waits for them; to be called before any thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)


def wait_for_stop() -> None:
    """Return when the process is asked to stop."""
    signal.sigwait(_STOP)


def is_stopped_within(seconds: float) -> bool:
    """Wait so long, or less where the process is asked to stop; say whether it is."""
    return signal.sigtimedwait(_STOP, seconds) is not None
