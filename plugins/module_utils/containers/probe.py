# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask an instance over HTTP whether it is healthy, as a router will."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException


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
