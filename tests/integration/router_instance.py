# SPDX-License-Identifier: GPL-3.0-or-later
"""A small instance for tests of the router: started as a program of its own, killed without mercy."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    """``/`` its name, ``/headers`` what it was sent, ``/slow?ms=`` late, the health path its status.

    ``/gone`` hangs up. Each answer to ``/`` comes ``late`` milliseconds late, ``failing`` of ten are 500.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    name: ClassVar[str] = ""
    ping: ClassVar[int] = 200
    health: ClassVar[str] = "/_ping"
    asked: ClassVar[int] = 0
    late: ClassVar[int] = 0
    failing: ClassVar[int] = 0
    turn: ClassVar[Iterator[int]] = count()

    def do_GET(self) -> None:
        """Answer."""
        url = urlsplit(self.path)
        if url.path == self.health:
            self.say(self.ping, "pong")
        elif url.path == "/_ping":
            self.say(404, "no such page")
        elif url.path == "/headers":
            self.say(200, json.dumps([[key.lower(), value] for key, value in self.headers.items()]))
        elif url.path == "/broken":
            Handler.asked += 1
            self.say(500, str(Handler.asked))
        elif url.path == "/gone":
            self.close_connection = True
        else:
            time.sleep(int(parse_qs(url.query).get("ms", [str(self.late)])[0]) / 1000)
            self.say(500 if next(self.turn) % 10 < self.failing else 200, self.name)

    do_POST = do_GET  # noqa: N815 the base class's name

    def say(self, status: int, text: str) -> None:
        """Send a whole answer."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class Server(ThreadingHTTPServer):
    """With a backlog for bursts."""

    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Stay quiet when a check hangs up."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--ping", type=int, default=200)
    parser.add_argument("--health", default="/_ping")
    parser.add_argument("--late", type=int, default=0)
    parser.add_argument("--failing", type=int, default=0)
    given = parser.parse_args()
    Handler.name, Handler.ping, Handler.health = given.name, given.ping, given.health
    Handler.late, Handler.failing = given.late, given.failing
    Server(("127.0.0.1", given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
