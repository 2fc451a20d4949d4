# SPDX-License-Identifier: GPL-3.0-or-later
"""A module ends with the run that sent it.

When a run is killed, its module on a machine goes on: nobody tells it. But its output has no reader any more,
over SSH as well as here, and the kernel tells that to whoever asks.
"""

from __future__ import annotations

import os
import select
import threading

_OUTPUT = 1


def end_with_the_run() -> None:
    """From here on this process ends at once, wherever it is, when nobody reads its output any more.

    What it leaves half done is what a kill leaves, and the next run mends that.
    """
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    ends = select.poll()
    ends.register(_OUTPUT, 0)  # errors are always reported: that the reader is gone is one
    while not ends.poll():
        pass
    os._exit(1)
