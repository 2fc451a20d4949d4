# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages behind URLs, from a real server: once, whole, checked, and on from where a killed run came to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.source.fetch import fetched

DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves DATA at any path; what it was asked for is kept."""

    asked: list[str | None]
    ranges, cut, status = True, 0, 200


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        if start >= len(DATA):
            self.send_error(416)
            return
        self.send_response(206 if start else self.server.status)
        self.send_header("Content-Length", str(len(DATA) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        self.end_headers()
        self.wfile.write(DATA[start : self.server.cut or None])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/shop.tar.gz"


def part(tmp_path: Path) -> Path:
    return tmp_path / f"fairlead/packages/{SHA256}.part"


def test_a_file_is_fetched_once(server: Server, url: str, tmp_path: Path) -> None:
    place = fetched(url, SHA256)
    assert place.read_bytes() == DATA
    assert fetched(url, SHA256) == place
    assert server.asked == [None]
    assert not part(tmp_path).exists()


def test_what_was_changed_in_the_cache_is_fetched_again(server: Server, url: str) -> None:
    fetched(url, SHA256).write_bytes(b"other")
    assert fetched(url, SHA256).read_bytes() == DATA
    assert server.asked == [None, None]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_fetch_that_was_cut_goes_on(server: Server, url: str, tmp_path: Path, *, ranges: bool) -> None:
    server.cut, server.ranges = 5000, ranges
    with pytest.raises(FairleadError, match=r"cannot be fetched: .*5000"):
        fetched(url, SHA256)
    assert part(tmp_path).read_bytes() == DATA[:5000]
    server.cut = 0
    assert fetched(url, SHA256).read_bytes() == DATA
    assert server.asked == [None, "bytes=5000-"]


def test_a_fetch_that_was_killed_at_its_end_asks_nobody(server: Server, url: str, tmp_path: Path) -> None:
    part(tmp_path).parent.mkdir(parents=True, mode=0o700)
    part(tmp_path).write_bytes(DATA)
    assert fetched(url, SHA256).read_bytes() == DATA
    assert server.asked == []


def test_a_rest_that_is_longer_than_the_file_is_thrown_away(server: Server, url: str, tmp_path: Path) -> None:
    part(tmp_path).parent.mkdir(parents=True, mode=0o700)
    part(tmp_path).write_bytes(DATA + b"x")
    assert fetched(url, SHA256).read_bytes() == DATA
    assert server.asked == [f"bytes={len(DATA) + 1}-", None]


def test_another_file_is_refused_and_not_kept(url: str, tmp_path: Path) -> None:
    with pytest.raises(FairleadError) as error:
        fetched(url, "0" * 64)
    assert str(error.value) == f"{url} has another SHA-256; got {SHA256}; expected {'0' * 64}"
    assert [each.suffix for each in part(tmp_path).parent.iterdir()] == [".lock"]


def test_a_file_that_is_too_large_is_not_kept(url: str, tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="is too large; got 10K; expected at most 9K"):
        fetched(url, SHA256, most=9 * 1024)
    assert not part(tmp_path).exists()


def test_servers_that_have_nothing(server: Server, url: str) -> None:
    server.status = 404
    with pytest.raises(FairleadError, match="cannot be fetched: the server answers 404 Not Found"):
        fetched(url, SHA256)
    with pytest.raises(FairleadError, match="cannot be fetched"):
        fetched(url.replace("shop.tar.gz", "moved"), SHA256)
    with pytest.raises(FairleadError, match=r"cannot be fetched: .*refused"):
        fetched("http://127.0.0.1:1/a.tgz", SHA256)


def test_a_cache_that_others_may_write_to_is_not_used(url: str, tmp_path: Path) -> None:
    (tmp_path / "fairlead").mkdir()
    (tmp_path / "fairlead").chmod(0o777)
    with pytest.raises(FairleadError, match="is not yours alone to write in; remove it"):
        fetched(url, SHA256)
