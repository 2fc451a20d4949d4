# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a node's answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.placement import Row, row

NAMED = {"io.fairlead.app": "shop", "io.fairlead.release": "3"}
WEB = {**NAMED, "io.fairlead.process": "web", "io.fairlead.slot": "2"}
WORKER = {**NAMED, "io.fairlead.process": "worker", "io.fairlead.slot": "1"}
PORTS = {"8080/tcp": [{"HostIp": "198.18.0.11", "HostPort": "25701"}], "9000/tcp": None}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param(
            {"labels": WEB, "ports": PORTS, "status": "running"},
            Row("shop.web.2", "n1", "disk=ssd zone=a", "v3", "198.18.0.11:25701", "running"),
            id="with a published port",
        ),
        pytest.param(
            {"labels": WORKER, "ports": {}, "status": "running"},
            Row("shop.worker.1", "n1", "disk=ssd zone=a", "v3", "-", "running"),
            id="without",
        ),
    ],
)
def test_a_container_is_a_row(container: dict[str, Any], expected: Row) -> None:
    assert row("n1", {"zone": "a", "disk": "ssd"}, container) == expected
