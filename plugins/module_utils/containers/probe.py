# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask an instance whether it is healthy: over HTTP, as a router will, or for a TCP connection."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException

_KEPT = 0.1  # seconds after which a connection counts as kept


def ask(address: str, port: int, path: str, timeout: float) -> str:
    """Return "" when ``GET path`` gives 2xx or 3xx within ``timeout`` seconds, otherwise why not."""
    url = f"http://{address}:{port}{path}"
    connection = HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close", "User-Agent": "fairlead"})
        status = connection.getresponse().status
    except TimeoutError:
        return f"{url} gives no answer within {timeout:g} s"
    except (OSError, HTTPException) as error:
        return f"{url} gives no answer ({str(error) or type(error).__name__})"
    finally:
        connection.close()
    return "" if 200 <= status < 400 else f"{url} answers {status}"  # noqa: PLR2004 - HTTP's own classes


def connect(address: str, port: int, timeout: float) -> str:
    """Return "" when a connection is accepted within ``timeout`` seconds and kept, otherwise why not.

    Some engines put a proxy of theirs before the port. That accepts also when nothing listens behind it, and
    closes as soon as it knows.
    """
    where = f"{address}:{port}"
    try:
        with socket.create_connection((address, port), timeout=timeout) as connection:
            return "" if _keeps(connection, min(_KEPT, timeout)) else f"{where} closes connections at once"
    except TimeoutError:
        return f"{where} accepts no connection within {timeout:g} s"
    except OSError as error:
        return f"{where} accepts no connection ({str(error) or type(error).__name__})"


def _keeps(connection: socket.socket, seconds: float) -> bool:
    """Say whether the other side still has the connection after a while, or has even said something."""
    connection.settimeout(seconds)
    try:
        return bool(connection.recv(1))
    except TimeoutError:
        return True
