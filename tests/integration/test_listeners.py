# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that are listened on, asked of this machine's own kernel."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from ansible_collections.fairlead.paas.plugins.module_utils.containers.listeners import listened_ports


def test_listeners_are_told_and_connections_are_not() -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(300)]
        listeners.append(stack.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6)))
        ours = {listener.getsockname()[1] for listener in listeners}
        with socket.create_connection(listeners[0].getsockname()) as client:
            connected = client.getsockname()[1]
            found = listened_ports()
    assert ours <= found
    assert connected not in found
