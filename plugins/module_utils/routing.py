# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router shall do for one app: which host names lead to which instances."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """How a router asks an instance whether it is healthy. Times in seconds."""

    path: str = "/"
    interval: float = 2.0
    timeout: float = 1.0
    retries: int = 3


@dataclass(frozen=True, order=True)
class Server:
    """One instance as a router sees it. The name is unique in its backend: ``web.1-n1-25701``.

    Of two servers with weights 2 and 1, the first gets two requests of three; up to 256.
    """

    name: str
    address: str
    port: int
    weight: int = 1


@dataclass(frozen=True)
class Backend:
    """The instances of one process, ``shop.web``, and the check they must pass.

    ``canary``: new releases are tried here, so requests are dealt out by weight, and their times are noted.
    """

    name: str
    check: Check
    servers: tuple[Server, ...] = ()
    canary: bool = False


@dataclass(frozen=True)
class Table:
    """All that the routers know of one app. An empty table means: the app is not routed."""

    app: str
    hosts: dict[str, str] = field(default_factory=dict)  # host name -> backend name
    backends: tuple[Backend, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the router's module."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Table:
        """Return the table that ``as_dict`` gave."""
        return cls(
            app=data["app"],
            hosts=dict(data["hosts"]),
            backends=tuple(
                Backend(
                    name=backend["name"],
                    check=Check(**backend["check"]),
                    servers=tuple(Server(**server) for server in backend["servers"]),
                    canary=bool(backend.get("canary")),
                )
                for backend in data["backends"]
            ),
        )
