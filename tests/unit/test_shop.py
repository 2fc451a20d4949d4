# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample app as a real process: what it says, and that it stops without losing a request."""

from __future__ import annotations

import http.client
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "apps/shop"
PATIENCE = 10  # seconds until a test gives up


class Shop:
    """A running process of the sample; each line it logs can be waited for."""

    def __init__(self, module: str, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=SOURCE,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **env},
            stdout=subprocess.PIPE,
            bufsize=0,  # what was logged is in the pipe, where `line` waits for it
        )
        self.port = int(env.get("PORT", "0"))

    def line(self) -> str:
        """Return the next line of the log."""
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(PATIENCE), "nothing was logged"
        return self.process.stdout.readline().decode().rstrip()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE)

    def get(self, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Accept": "application/json", **headers})
            response = connection.getresponse()
            return response.status, response.read().decode(), dict(response.getheaders())
        finally:
            connection.close()


@contextmanager
def running(module: str = "shop", **env: str) -> Iterator[Shop]:
    shop = Shop(module, env)
    try:
        yield shop
    finally:
        shop.process.kill()
        shop.process.wait()
        assert shop.process.stdout
        shop.process.stdout.close()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@contextmanager
def serving(**env: str) -> Iterator[Shop]:
    names = {"APP_NAME": "shop", "INSTANCE": "web.2", "RELEASE": "v7", "HOST_IP": "198.18.0.11"}
    with running(**{**names, "PORT": free_port(), **env}) as shop:
        assert "serves on port" in shop.line()
        yield shop


def test_it_says_what_answered() -> None:
    with serving(GREETING="welcome") as shop:
        status, body, _ = shop.get("/")
        assert status == 200
        assert json.loads(body) == {
            "greeting": "welcome",
            "app": "shop",
            "release": "v7",
            "instance": "web.2",
            "host": "198.18.0.11",
            "visit": 1,
        }
        assert shop.get("/?format=json", Accept="text/html")[1] == body
        assert shop.line() == 'shop.web.2 v7: "GET / HTTP/1.1" 200 -'


def test_its_page_holds_no_markup_of_others() -> None:
    with serving(GREETING="<script>alert('hi')</script> & more", RELEASE='"v7"') as shop:
        page = shop.get("/", Accept="text/html", **{"X-Forwarded-For": "<b>1</b>"})[1]
        assert "<h1>&lt;script&gt;alert(&#x27;hi&#x27;)&lt;/script&gt; &amp; more</h1>" in page
        assert "<script>" not in page
        assert "<b>" not in page


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/_ping", 200, "pong\n"),
        ("/slow?ms=0", 200, None),
        ("/slow?ms=-1", 400, "ms is a whole number up to 30000\n"),
        ("/slow?ms=30001", 400, "ms is a whole number up to 30000\n"),
        ("/slow?ms=1e9", 400, "ms is a whole number up to 30000\n"),
        ("/slow?ms=" + "9" * 5000, 400, "ms is a whole number up to 30000\n"),
        ("/nowhere", 404, "there is no such page\n"),
        ("/../etc/passwd", 404, "there is no such page\n"),
    ],
)
def test_pages(path: str, status: int, body: str | None) -> None:
    with serving() as shop:
        got = shop.get(path)
        assert got[0] == status
        assert body in (None, got[1])


def test_visits_are_counted_by_any_instance_that_has_the_key() -> None:
    with (
        serving(SESSION_KEY="k1") as one,
        serving(SESSION_KEY="k1") as two,
        serving(SESSION_KEY="k2") as other,
    ):
        cookie = one.get("/")[2]["Set-Cookie"].partition(";")[0]
        assert json.loads(two.get("/", Cookie=cookie)[1])["visit"] == 2
        assert json.loads(other.get("/", Cookie=cookie)[1])["visit"] == 1
        for forged in (
            "visits=9",
            "visits=9.abc",
            "visits=.",
            "visits=\u00e9.x",
            "=",
            "visits",
            'visits="1.1',
        ):
            assert json.loads(one.get("/", Cookie=forged)[1])["visit"] == 1


def test_connections_are_kept_alive() -> None:
    with serving() as shop:
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE)
        connection.connect()
        before = connection.sock
        for _ in range(3):
            connection.request("GET", "/_ping")
            assert connection.getresponse().read() == b"pong\n"
        assert connection.sock is before
        connection.close()


def test_it_stops_at_once_when_nothing_runs() -> None:
    with serving() as shop, socket.create_connection(("127.0.0.1", shop.port)):
        shop.stop()
        assert shop.exit_code() == 0


def test_it_finishes_what_runs_when_it_is_told_to_stop() -> None:
    with serving() as shop:
        slow = [http.client.HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE) for _ in range(5)]
        for connection in slow:
            connection.request("GET", "/slow?ms=700")
        idle = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE)
        idle.request("GET", "/slow?ms=0")
        idle.getresponse().read()  # it came last, so all others are accepted
        assert "/slow?ms=0" in shop.line()

        shop.stop()
        assert shop.line().endswith("stops, finishing what is running")

        for connection in slow:
            response = connection.getresponse()
            assert response.status == 200
            assert response.getheader("Connection") == "close"
            assert b"slept" in response.read()
            connection.close()
        idle.close()
        assert shop.exit_code() == 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", shop.port))


def test_no_request_is_lost_by_a_stop_under_load() -> None:
    """Every request that was sent whole before the stop is answered, on new and on kept connections."""
    with serving() as shop:
        kept = [socket.create_connection(("127.0.0.1", shop.port), PATIENCE) for _ in range(20)]
        for connection in kept:
            connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: shop\r\n\r\n")
            assert answer(connection).endswith(b"pong\n")
        fresh = [socket.create_connection(("127.0.0.1", shop.port), PATIENCE) for _ in range(20)]
        for connection in (*kept, *fresh):
            connection.sendall(b"GET /slow?ms=200 HTTP/1.1\r\nHost: shop\r\n\r\n")

        shop.stop()

        for connection in (*kept, *fresh):
            assert b" 200 OK\r\n" in answer(connection)
            connection.close()
        drain(shop)
        assert shop.exit_code() == 0


def answer(connection: socket.socket) -> bytes:
    """Return one whole response."""
    got = b""
    while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < length(got):
        more = connection.recv(65536)
        assert more, f"closed after {got!r}"
        got += more
    return got


def length(response: bytes) -> int:
    return int(response.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def drain(shop: Shop) -> None:
    """Read the log to its end, in a thread as the process may wait for it."""
    assert shop.process.stdout
    threading.Thread(target=shop.process.stdout.read, daemon=True).start()


def test_it_can_be_told_to_be_unhealthy() -> None:
    with serving(SHOP_PING_STATUS="500") as shop:
        assert shop.get("/_ping")[0] == 500
        assert shop.get("/")[0] == 200


def test_it_can_be_told_to_leave_at_once() -> None:
    with running(SHOP_EXIT="3") as shop:
        assert shop.line().endswith("SHOP_EXIT is set, so it leaves with 3")
        assert shop.exit_code() == 3


def test_it_stops_also_before_it_serves() -> None:
    with running(SHOP_START_DELAY="60", SHOP_WORKER_PAUSE="1", PORT=free_port()) as shop:
        assert shop.line().endswith("waits 60.0 s before it serves, as SHOP_START_DELAY says")
        shop.stop()
        assert shop.exit_code() == 0


def test_the_worker_works_and_stops() -> None:
    with running("shop.worker", INSTANCE="worker.1", RELEASE="v7", SHOP_WORKER_PAUSE="0.05") as worker:
        assert [worker.line() for _ in range(3)] == [f"shop.worker.1 v7: packed order {n}" for n in (1, 2, 3)]
        worker.stop()
        assert worker.exit_code() == 0


def test_a_worker_that_pauses_stops_at_once() -> None:
    with running("shop.worker", SHOP_WORKER_PAUSE="3600") as worker:
        assert worker.line().endswith("packed order 1")
        worker.stop()
        assert worker.exit_code() == 0


def test_it_is_built_on_our_own_base_and_runs_as_nobody_special() -> None:
    lines = (SOURCE / "Dockerfile").read_text().splitlines()
    assert "FROM ${FAIRLEAD_REGISTRY}/runtimes/python" in lines
    assert "USER 10001:10001" in lines
