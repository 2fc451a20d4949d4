# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that are listened on, asked of this machine's own kernel."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.containers.listeners import listened_ports
from ansible_collections.fairlead.paas.plugins.module_utils.containers.machine import parse_listened_ports


def test_listeners_are_told_and_connections_are_not() -> None:
    with ExitStack() as stack:
        many = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(300)]
        ours = {listener.getsockname()[1] for listener in many}
        on_ipv6 = stack.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6))
        client = stack.enter_context(socket.create_connection(many[0].getsockname()))
        found = listened_ports()
        in_proc = {
            port
            for name in ("tcp", "tcp6")
            for port in parse_listened_ports(Path(f"/proc/net/{name}").read_text())
        }
    assert ours | {on_ipv6.getsockname()[1]} <= found
    assert client.getsockname()[1] not in found
    assert found == in_proc
