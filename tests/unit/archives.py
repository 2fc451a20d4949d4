# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives for tests, good ones and hostile ones, made byte by byte where no tool would make them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import zstandard

Entries = Mapping[str, str | bytes]
SHOP: Entries = {"index.html": "<h1>shop</h1>", "pages/about.html": "about"}


def tar(entries: Entries, *more: tarfile.TarInfo, format_: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar of files, and of members that are nothing but a header."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format_) as archive:
        for name, content in entries.items():
            data = content.encode() if isinstance(content, str) else content
            info = member(name, size=len(data))
            archive.addfile(info, io.BytesIO(data))
        for info in more:
            archive.addfile(info)
    return file.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644, **fields: object) -> tarfile.TarInfo:
    """Return the header of a member of a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, mode
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def gz(data: bytes) -> bytes:
    """Return data as gzip."""
    return gzip.compress(data, mtime=0)


def zst(data: bytes) -> bytes:
    """Return data as Zstandard."""
    return zstandard.compress(data)


def zipped(entries: Entries, *, mode: int = 0o100644, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of files, all of one mode."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            archive.writestr(info, content)
    return file.getvalue()


def patched(data: bytes, *changes: tuple[bytes, bytes]) -> bytes:
    """Return bytes in which each of some bytes, which must be there, are others."""
    for before, after in changes:
        assert before in data
        data = data.replace(before, after)
    return data


def written(folder: Path, name: str, data: bytes) -> Path:
    """Return a new file."""
    path = folder / name
    path.write_bytes(data)
    return path


PACKERS: Mapping[str, Callable[[Entries], bytes]] = {
    "shop.tar.gz": lambda entries: gz(tar(entries)),
    "shop.tgz": lambda entries: gz(tar(entries, format_=tarfile.GNU_FORMAT)),
    "shop.tar.zst": lambda entries: zst(tar(entries)),
    "shop.zip": zipped,
}
