# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer on its way to the registry: the same files always are the same bytes.

What a build step writes carries the moment at which it ran. Here nothing is younger than one fixed moment, no
entry tells who owned it by name, and it is compressed without a time. So whoever builds the same content
pushes the same layer, and a layer that the registry has is not sent again. To settle a layer that is settled
changes nothing.

Python's compiled files name the time of their source, and are of no use beside one of another time; they are
settled with it.
"""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, cast

from .squeeze import Squeeze

MOMENT = 946_684_800  # 2000-01-01 UTC: after all that formats such as zip can hold begins
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_PIECE = 2**20  # bytes
_COMPILED = ".pyc"
_HEAD = struct.Struct("<4sIII")  # magic, flags, time and size of the source: PEP 552
# What depends on the engine or its disk, and says nothing about the file itself.
_PASSING = ("atime", "ctime", "mtime", "LIBARCHIVE.creationtime")


@dataclass(frozen=True)
class Layer:
    """A layer as the registry keeps it: compressed, ``size`` bytes, beside what it is unpacked."""

    diff_id: str  # of the tar
    digest: str  # of the blob
    size: int

    @property
    def entry(self) -> dict[str, Any]:
        """Return how a manifest names it."""
        return {"mediaType": LAYER, "digest": self.digest, "size": self.size}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Layer:
        """Return the layer that ``vars`` of one gave, also after a way through JSON."""
        return cls(data["diff_id"], data["digest"], data["size"])


def settle(source: IO[bytes], target: Path) -> Layer:
    """Write the tar ``source`` to ``target``, settled and compressed. Raises tarfile.TarError, OSError."""
    with (
        _Blob(target) as blob,
        tarfile.open(fileobj=source, mode="r|") as read,
        tarfile.open(fileobj=cast("IO[bytes]", blob), mode="w|", format=tarfile.PAX_FORMAT) as written,
    ):
        for member in read:
            written.addfile(_settled(member), _content(read, member))
    return blob.layer


def compress(source: IO[bytes], target: Path) -> Layer:
    """Write the tar ``source`` to ``target`` as it is, compressed. Raises OSError."""
    with _Blob(target) as blob:
        while piece := source.read(_PIECE):
            blob.write(piece)
    return blob.layer


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes] | None:
    content = tar.extractfile(member) if member.isreg() else None
    if content and member.name.endswith(_COMPILED):
        return cast("IO[bytes]", _Settled(content))
    return content


def _settled(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = min(int(member.mtime), MOMENT)
    member.uname = member.gname = ""
    member.pax_headers = {
        name: value
        for name, value in member.pax_headers.items()
        if name not in _PASSING and name not in tarfile.PAX_FIELDS
    }
    return member


class _Settled(io.BufferedIOBase):
    """A compiled file of Python, whose head names no younger moment than its source has."""

    def __init__(self, file: IO[bytes]) -> None:
        head = file.read(_HEAD.size)
        if len(head) == _HEAD.size:
            magic, flags, moment, size = _HEAD.unpack(head)
            if flags == 0 and magic.endswith(b"\r\n"):
                head = _HEAD.pack(magic, flags, min(moment, MOMENT), size)
        self._head, self._file = io.BytesIO(head), file

    def read(self, size: int | None = -1) -> bytes:
        """Return that many bytes, fewer only at the end."""
        head = self._head.read(size)
        left = -1 if size is None or size < 0 else size - len(head)
        return head + self._file.read(left)


class _Blob:
    """A file that is written compressed, and knows its digests at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._plain, self._packed, self._size = hashlib.sha256(), hashlib.sha256(), 0

    def __enter__(self) -> Self:
        self._file = self._path.open("wb")
        self._squeeze = Squeeze(self._put).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._squeeze.__exit__()

    def write(self, data: bytes) -> int:
        self._plain.update(data)
        self._squeeze.write(data)
        return len(data)

    def _put(self, data: bytes) -> None:
        self._packed.update(data)
        self._size += len(data)
        self._file.write(data)

    @property
    def layer(self) -> Layer:
        """Return what was written, once it is closed."""
        return Layer(f"sha256:{self._plain.hexdigest()}", f"sha256:{self._packed.hexdigest()}", self._size)
