# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server that stops without losing a request: it finishes what it has begun, then lets go."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

_LAST_WORDS = 1.0  # seconds that a connection taken from the queue while stopping has for its request


class GracefulServer(ThreadingHTTPServer):
    """One thread a connection; ``stop`` returns when the last response is written."""

    request_queue_size = 128
    daemon_threads = False
    block_on_close = True

    def __init__(self, port: int, handler: type[GracefulHandler]) -> None:
        """Listen on all addresses, as the network of the container decides who gets here."""
        super().__init__(("", port), handler)
        self.stopping = False
        self._queue_is_empty = False
        self._lock = threading.Lock()
        self._idle: set[socket.socket] = set()

    def server_bind(self) -> None:
        """Bind without asking DNS for our own name, as the parent class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}).start()

    def stop(self) -> None:
        """Take no more connections, answer those that are there, and return."""
        with self._lock:
            self.stopping = True
        self.shutdown()
        self._empty_queue()
        self._let_go_of_idle()
        self.server_close()

    def waits(self, connection: socket.socket) -> None:
        """Note that a connection waits for its next request."""
        with self._lock:
            self._idle.add(connection)
            if self.stopping:
                connection.settimeout(_LAST_WORDS)

    def works(self, connection: socket.socket) -> None:
        """Note that a connection has a request, or is gone."""
        with self._lock:
            self._idle.discard(connection)

    def handle_timeout(self) -> None:
        """Learn from ``handle_request`` that nobody waits to be accepted."""
        self._queue_is_empty = True

    def _empty_queue(self) -> None:
        """Accept what the kernel has already accepted for us; closing the socket would reset it."""
        self.timeout = 0
        while not self._queue_is_empty:
            self.handle_request()

    def _let_go_of_idle(self) -> None:
        """End reading on idle connections; a request that has arrived there is still read and answered."""
        with self._lock:
            for connection in self._idle:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)


class GracefulHandler(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive; while the server stops, each response is the last of its connection."""

    server: GracefulServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # a response leaves in one piece
    timeout = 75  # seconds; longer than routers keep idle connections

    def handle_one_request(self) -> None:
        """Wait for one request and answer it."""
        self.server.waits(self.connection)
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Parse the request line and headers, from which on the connection is busy."""
        self.server.works(self.connection)
        return super().parse_request()

    def finish(self) -> None:
        """Forget the connection."""
        self.server.works(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def answer(self, status: int, kind: str, text: str, headers: Callable[[], Any] = lambda: None) -> None:
        """Write one whole response. ``headers`` may send more of them."""
        body = text.encode()
        self.close_connection = self.close_connection or self.server.stopping
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        headers()
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
