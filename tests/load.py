# SPDX-License-Identifier: GPL-3.0-or-later
"""A paced load of clients that never retry: keep-alive ones, closing ones and one-second slow ones."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

KEEPING, CLOSING, SLOW = 24, 10, 8  # clients
PACE = 0.2  # seconds between the requests of a keeping or closing client
LATE = 1.0  # seconds of a slow request; one that is refused at once is not asked again sooner either
PATIENCE = 10  # seconds for a connection, and for a whole answer

Way = tuple[str, int]  # address and port of a router


@dataclass
class Load:
    """What the clients saw: requests answered, how often with which words, a line for each that failed."""

    ways: Sequence[Way]
    host: str
    slow: int
    query: str = ""
    pace: float = PACE
    done: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    stopping: bool = False
    names: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.done / self.seconds


@contextmanager
def under_load(
    ways: Sequence[Way], host: str, slow: int = SLOW, query: str = "", pace: float = PACE
) -> Iterator[Load]:
    """Ask all the time from a thread of its own, over all ways in; every client ends with a whole answer.

    ``query`` goes with each request: ``format=json``.
    """
    load = Load(ways, host, slow, query, pace)
    thread = threading.Thread(target=lambda: asyncio.run(_all(load)))
    began = time.monotonic()
    thread.start()
    try:
        yield load
    finally:
        load.stopping = True
        thread.join()
        load.seconds = time.monotonic() - began


@dataclass(frozen=True)
class _Client:
    """One visitor: where it asks, for what, from when, how often, and whether it keeps its connection."""

    way: Way
    path: str
    start: float
    pace: float
    keep: bool


async def _all(load: Load) -> None:
    ways, pace = cycle(load.ways), load.pace
    fast, late = f"/?{load.query}", f"/slow?ms=1000&{load.query}"
    keeping = [_Client(next(ways), fast, n * pace / KEEPING, pace, keep=True) for n in range(KEEPING)]
    closing = [_Client(next(ways), fast, n * pace / CLOSING, pace, keep=False) for n in range(CLOSING)]
    slow = [_Client(next(ways), late, n / SLOW, LATE, keep=True) for n in range(load.slow)]
    await asyncio.gather(*(_visit(load, client) for client in keeping + closing + slow))


async def _visit(load: Load, client: _Client) -> None:
    await asyncio.sleep(client.start)
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while not load.stopping:
        began = time.monotonic()
        try:
            connection = connection or await _connect(client)
            closes = await asyncio.wait_for(_ask(load, connection, client), PATIENCE)
            load.done += 1
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            load.failures.append(f"{client}: {type(error).__name__} {error}")
            closes = True
        if closes and connection:
            connection[1].close()
            connection = None
        await asyncio.sleep(max(0.0, began + client.pace - time.monotonic()))
    if connection:
        connection[1].close()


async def _connect(client: _Client) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection(*client.way), PATIENCE)


async def _ask(
    load: Load, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], client: _Client
) -> bool:
    """Send one request, read the whole answer, and say whether the connection ends with it."""
    reader, writer = connection
    ending = "" if client.keep else "Connection: close\r\n"
    writer.write(f"GET {client.path} HTTP/1.1\r\nHost: {load.host}\r\n{ending}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if not head.startswith("http/1.1 200 "):
        raise ValueError(head.partition("\r\n")[0])
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    load.names[(await reader.readexactly(length)).decode()] += 1
    return not client.keep or "connection: close" in head
