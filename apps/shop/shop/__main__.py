# SPDX-License-Identifier: GPL-3.0-or-later
"""``python3 -m shop``: serve until SIGTERM, then finish what is running and leave with 0."""

from __future__ import annotations

import sys

from .server import GracefulServer
from .settings import log, read_settings
from .signals import is_stopped_within, keep_stop_signals, wait_for_stop
from .web import handler_for


def main() -> int:
    """Serve; return the exit code."""
    keep_stop_signals()
    settings = read_settings()
    me = f"{settings.app}.{settings.instance} {settings.release}"
    if settings.exit_code is not None:
        log(f"{me}: SHOP_EXIT is set, so it leaves with {settings.exit_code}")
        return settings.exit_code
    if settings.start_delay:
        log(f"{me}: waits {settings.start_delay} s before it serves, as SHOP_START_DELAY says")
    if is_stopped_within(settings.start_delay):
        return 0
    server = GracefulServer(settings.port, handler_for(settings))
    server.start()
    log(f"{me}: serves on port {server.server_port}")
    wait_for_stop()
    log(f"{me}: stops, finishing what is running")
    server.stop()
    log(f"{me}: has stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
