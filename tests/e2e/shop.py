# SPDX-License-Identifier: GPL-3.0-or-later
"""What a visitor of the sample sees through the routers, and what runs on the nodes."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NODES = ("n1", "n2", "n3")
ROUTERS = ("198.18.0.21", "198.18.0.22")
WAYS = [(router, 80) for router in ROUTERS]
HOST = "shop.apps.localhost"
HOST = "shop.apps.localhost"


def visit(router: str = ROUTERS[0], path: str = "/", host: str = HOST) -> tuple[int, str]:
    """Return status and body of one request through a router."""
    connection = http.client.HTTPConnection(router, 80, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host, "Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def answers(router: str = ROUTERS[0]) -> dict[str, Any]:
    """Return what the sample says of itself."""
    status, body = visit(router)
    assert status == 200, body
    said: dict[str, Any] = json.loads(body)
    return said


def containers(app: str = "shop") -> dict[str, str]:
    """Return the running containers of an app on all nodes: id -> name@node."""
    found: dict[str, str] = {}
    for node in NODES:
        argv = ["docker", "exec", f"fairlead-{node}", "docker", "ps", "--no-trunc"]
        form = ["--filter", f"label=io.fairlead.app={app}", "--format", "{{.ID}} {{.Names}}"]
        listed = subprocess.run([*argv, *form], check=True, capture_output=True, text=True).stdout
        found |= {line.split()[0]: f"{line.split()[1]}@{node}" for line in listed.splitlines()}
    return found


@contextmanager
def frozen(machine: str) -> Iterator[None]:
    """Let a machine stop answering for a while, also over connections that are open."""
    subprocess.run(["docker", "pause", f"fairlead-{machine}"], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "unpause", f"fairlead-{machine}"], check=True, capture_output=True)


def slots(app: str = "shop") -> list[str]:
    """Return the slots that run, sorted, one entry an instance: ``shop.web.1``."""
    return sorted(name.partition("-v")[0] for name in containers(app).values())
