# SPDX-License-Identifier: GPL-3.0-or-later
"""``python3 -m shop.worker``: packs an order every few seconds, and says so, until SIGTERM."""

from __future__ import annotations

import os
import sys
from itertools import count

from .settings import log, read_settings
from .signals import is_stopped_within, keep_stop_signals


def main() -> int:
    """Work; return the exit code."""
    keep_stop_signals()
    settings = read_settings()
    pause = float(os.environ.get("SHOP_WORKER_PAUSE", "5"))
    for order in count(1):
        log(f"{settings.app}.{settings.instance} {settings.release}: packed order {order}")
        if is_stopped_within(pause):
            break
    log(f"{settings.app}.{settings.instance} {settings.release}: has stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
