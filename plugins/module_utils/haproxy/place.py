# SPDX-License-Identifier: GPL-3.0-or-later
"""Where HAProxy's files and sockets are on a router."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .runtime import Runtime


@dataclass(frozen=True)
class Place:
    """The configuration's folder, the two sockets and the program."""

    config_dir: Path
    admin: Runtime
    master: Runtime
    program: str = "/usr/sbin/haproxy"

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Return the place that a module's parameters name."""
        admin, master = Runtime(params["admin_socket"]), Runtime(params["master_socket"])
        return cls(Path(params["config_dir"]), admin, master, params.get("program", cls.program))

    @property
    def apps(self) -> Path:
        """The folder with one file an app."""
        return self.config_dir / "apps"

    @property
    def hosts(self) -> Path:
        """The host map of all apps."""
        return self.config_dir / "hosts.map"

    @property
    def lock(self) -> Path:
        """Who holds it may land files and reload."""
        return self.config_dir / ".lock"

    @property
    def saved(self) -> Path:
        """Where the servers' state waits for the next worker."""
        return Path(self.admin.path).parent / "servers.state"

    def app_file(self, app: str) -> Path:
        """Return the path of the app's file."""
        return self.apps / f"{app}.cfg"
