# SPDX-License-Identifier: GPL-3.0-or-later
"""What the environment says; the platform gives the first six, apps/shop.yml and the inventory the rest."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """All that the shop is told. The last three exist to try what a platform does with an app that fails."""

    app: str
    process: str
    instance: str
    release: str
    host: str
    port: int
    greeting: str
    session_key: bytes
    ping_status: int  # what /_ping answers
    start_delay: float  # seconds before it listens
    exit_code: int | None  # leave with it at once instead of serving


def read_settings(env: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in an environment. Raises ValueError where a number is none."""
    return Settings(
        app=env.get("APP_NAME", "shop"),
        process=env.get("PROCESS", "web"),
        instance=env.get("INSTANCE", "web.1"),
        release=env.get("RELEASE", "unreleased"),
        host=env.get("HOST_IP") or socket.gethostname(),
        port=int(env.get("PORT", "8080")),
        greeting=env.get("GREETING", "hello"),
        session_key=env.get("SESSION_KEY", "").encode(),
        ping_status=int(env.get("SHOP_PING_STATUS", "200")),
        start_delay=float(env.get("SHOP_START_DELAY", "0")),
        exit_code=int(env["SHOP_EXIT"]) if "SHOP_EXIT" in env else None,
    )


def log(line: str) -> None:
    """Write one line to the container's log at once."""
    print(line, flush=True)  # noqa: T201 - standard output is the log
