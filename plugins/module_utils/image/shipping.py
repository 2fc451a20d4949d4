# SPDX-License-Identifier: GPL-3.0-or-later
"""A packed context on its way to the builder: only the pieces travel that the builder's last one has not.

A piece is an entry of the tar, or a part of a large one. The builder keeps each app's last context; what is
not in it is sent, and the rest is put together there, and checked as a whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land

from .parcel import Parcel

LARGEST = 4 * 2**20  # bytes of a piece
_COPIED = 2**20  # bytes at a time
_DIGITS = 32  # of a digest: half of SHA-256 tells pieces apart, and the whole is checked with all of it
_LEVEL = 1  # of compression: the way is mostly faster than more of it
_KEPT = 30 * 86_400  # seconds that a context waits for the next build of its app


def parcel_of(tar: IO[bytes]) -> Parcel:
    """Return what a tar is made of. Raises tarfile.TarError, OSError."""
    whole, pieces = hashlib.sha256(), []
    bounds = list(_bounds(tar))
    tar.seek(0)
    for size in bounds:
        data = tar.read(size)
        whole.update(data)
        pieces.append((_digest(data), size))
    return Parcel(tuple(pieces), whole.hexdigest())


def send(tar: IO[bytes], parcel: Parcel, lacking: Sequence[str], target: IO[bytes]) -> None:
    """Write the pieces with these digests to a file, compressed, each once and in order."""
    wanted = set(lacking)
    machine = zlib.compressobj(_LEVEL)
    tar.seek(0)
    for digest, size in parcel.pieces:
        data = tar.read(size)
        if digest in wanted:
            wanted.discard(digest)
            target.write(machine.compress(data))
    target.write(machine.flush())
    target.flush()


@dataclass(frozen=True)
class Shelf:
    """Where a builder keeps the last context of each app. Who uses it has the app's place for itself."""

    folder: Path

    def lacking(self, app: str, parcel: Parcel) -> list[str]:
        """Return the digests of pieces that the last context of the app has not, each once and in order."""
        known = self._known(app)
        return [digest for digest in parcel.distinct if digest not in known]

    def put_together(self, app: str, parcel: Parcel, sent: Path | None, *, whole: bool) -> Path:
        """Return the context as a file, which stays here until the next one comes.

        ``sent`` holds the pieces that were lacking, or all. Raises FairleadError if it does not fit together.
        """
        known = {} if whole else self._known(app)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target, new = self._tar(app), self._tar(app).with_suffix(".new")
        total, placed = hashlib.sha256(), dict[str, int]()
        with new.open("w+b") as file, _opened(target) as last, _opened(sent) as packed:
            arrived = _Sent(packed)
            for digest, size in parcel.pieces:
                if digest in placed:
                    data = _read_at(file, placed[digest], size)
                elif digest in known:
                    data = _read_at(last, known[digest], size)
                else:
                    data = arrived.read(size)
                placed.setdefault(digest, file.tell())
                file.write(data)
                total.update(data)
        self._index(app).unlink(missing_ok=True)
        if total.hexdigest() != parcel.digest:
            new.unlink()
            raise FairleadError("its build context did not arrive whole; run again")
        new.replace(target)
        land(self._index(app), json.dumps([_mark(target), placed]).encode(), 0o600)
        return target

    def tidy(self, now: float) -> None:
        """Remove the contexts of apps that have not been built for long."""
        for tar in self.folder.glob("*.tar"):
            with suppress(OSError):
                if now - tar.stat().st_mtime > _KEPT:
                    self._index(tar.stem).unlink(missing_ok=True)
                    tar.unlink()

    def _known(self, app: str) -> dict[str, int]:
        """Return where in the app's last context each piece begins; nothing if that is not as it was left."""
        with suppress(OSError, ValueError, TypeError):
            mark, placed = json.loads(self._index(app).read_bytes())
            if mark == _mark(self._tar(app)):
                return {str(digest): int(at) for digest, at in placed.items()}
        return {}

    def _tar(self, app: str) -> Path:
        return self.folder / f"{app}.tar"

    def _index(self, app: str) -> Path:
        return self.folder / f"{app}.json"


def _bounds(tar: IO[bytes]) -> Iterator[int]:
    """Yield the sizes of a tar's pieces: cut where an entry begins, and where it gets too large."""
    end = tar.seek(0, os.SEEK_END)
    tar.seek(0)
    with tarfile.open(fileobj=tar, mode="r:") as opened:
        members = opened.getmembers()
    begins = [member.offset for member in members]
    # What comes after the last entry is as long as all entries make it.
    begins += [_after(member) for member in members[-1:]]
    for start, stop in zip([0, *begins], [*begins, end], strict=True):
        size = stop - start
        yield from (min(LARGEST, size - done) for done in range(0, size, LARGEST))


def _after(member: tarfile.TarInfo) -> int:
    size = member.size if member.isreg() else 0
    return member.offset_data - -size // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def _mark(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _opened(path: Path | None) -> IO[bytes]:
    return (path if path and path.exists() else Path(os.devnull)).open("rb")


def _read_at(file: IO[bytes], place: int, size: int) -> bytes:
    file.flush()
    return os.pread(file.fileno(), size, place)


class _Sent:
    """What was sent, unpacked as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._machine, self._rest = file, zlib.decompressobj(), b""

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer where it ends."""
        while len(self._rest) < size and (data := self._file.read(_COPIED)):
            self._rest += self._machine.decompress(data)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
