# SPDX-License-Identifier: GPL-3.0-or-later
"""A compressed file as a stream of what is in it, which never gets further ahead than it is read."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import IO, Any

from .endings import GZIP, ZSTD
from .members import Guard, HostileError

TRUNCATED = "ends too early"
_WHOLE = "the whole file"
_CHUNK = 64 * 2**10
# One block of Zstandard can be 4 bytes that mean 128 KiB: so many bytes at once are at most 32 MiB.
_ZSTD_CHUNK = 2**10
_ZSTD_WINDOW = 128 * 2**20  # what `zstd --long` has, and all that its own tool takes unless told otherwise
_HEADERS = 2 * 2**10  # bytes of a tar beside the contents, for each member


class Unpacked:
    """What is in a compressed file; raises HostileError for what is broken, too much or followed by more."""

    def __init__(self, file: IO[bytes], guard: Guard) -> None:
        """Read from a file whose first bytes are those of GZIP or ZSTD."""
        self._file, self._guard = file, guard
        self._magic = _peek(file)[:3]
        self._next = self._gzip() if self._magic == GZIP else self._zstd()
        self._buffer = bytearray()
        self._in = self._out = 0
        self._most = guard.limits.total + guard.limits.members * _HEADERS

    def read(self, amount: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        while len(self._buffer) < amount and (data := self._next()) is not None:
            self._buffer += data
            self._out += len(data)
            self._guard.check_ratio("", self._out, self._in)
            if self._out > self._most:
                raise HostileError("", "is too large unpacked", f"at most {self._most} bytes")
        taken = bytes(self._buffer[:amount])
        del self._buffer[:amount]
        return taken

    def _take(self, amount: int) -> bytes:
        data = self._file.read(amount)
        self._in += len(data)
        return data

    def _gzip(self) -> Callable[[], bytes | None]:
        state: list[Any] = [zlib.decompressobj(31), b""]

        def step() -> bytes | None:
            unpacker, rest = state
            if unpacker.eof:
                rest = unpacker.unused_data or self._take(_CHUNK)
                if not rest:
                    return None
                _check_next(rest, GZIP)
                state[0] = unpacker = zlib.decompressobj(31)
            rest = rest or self._take(_CHUNK)
            if not rest:
                raise HostileError("", TRUNCATED, _WHOLE)
            try:
                data: bytes = unpacker.decompress(rest, 2**20)
            except zlib.error as error:
                raise HostileError("", "is broken", "gzip") from error
            state[1] = unpacker.unconsumed_tail
            return data

        return step

    def _zstd(self) -> Callable[[], bytes | None]:
        # Most packages are none of Zstandard's, and importing it takes its time.
        import zstandard  # noqa: PLC0415

        context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        state: list[Any] = [context.decompressobj()]

        def step() -> bytes | None:
            unpacker = state[0]
            rest = b""
            if unpacker.eof:
                rest = unpacker.unused_data or self._take(_ZSTD_CHUNK)
                if not rest:
                    return None
                _check_next(rest, ZSTD)
                state[0] = unpacker = context.decompressobj()
            rest = rest or self._take(_ZSTD_CHUNK)
            if not rest:
                raise HostileError("", TRUNCATED, _WHOLE)
            try:
                data: bytes = unpacker.decompress(rest)
            except zstandard.ZstdError as error:
                raise HostileError("", "is broken", "Zstandard, with a window of at most 128 MiB") from error
            return data

        return step


def _peek(file: IO[bytes]) -> bytes:
    start = file.read(4)
    file.seek(0)
    return start


def _check_next(rest: bytes, magic: bytes) -> None:
    if not rest.startswith(magic[: len(rest)]):
        raise HostileError("", "has something after its end", "nothing more")
