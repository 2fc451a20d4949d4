# SPDX-License-Identifier: GPL-3.0-or-later
"""A package: an archive of finished artefacts beside the app file, or behind a URL.

Its identity is the hash of its bytes. What was found in it is remembered under that hash, so that a run which
changes nothing unpacks nothing, reads no file that looks as it did, and asks nobody about a URL.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind, header
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from . import archive
from .cache import folder, recall, remember
from .contents import Contents
from .fetch import fetched
from .members import Member

_SCHEME = "1"  # raised when the same package shall be looked at anew
_SURVEYS, _HASHES = "surveys", "hashes"
_SETTLED = 2 * 10**9  # nanoseconds


@dataclass(frozen=True)
class Package:
    """An archive by its hash; ``file`` is None where it has to be fetched from ``url`` first."""

    name: str  # as the app file has it
    sha256: str
    file: Path | None = None
    url: str = ""
    prefix: str = ""  # the directory in it that all is in

    @property
    def size(self) -> str:
        """Return how much it is, in words."""
        return format_size(self.local().stat().st_size)

    @property
    def revision(self) -> str:
        """Return none: nobody knows."""
        return ""

    def local(self) -> Path:
        """Return where the archive is on this machine, once it is. Raises FairleadError."""
        return self.file or fetched(self.url, self.sha256)

    def identity(self) -> str:
        """Return the hash of its bytes."""
        return self.sha256

    def contents(self) -> Contents:
        """Return what is in it, by what was found in the same bytes before. Raises Refused, FairleadError."""
        kept = _remembered(_SURVEYS, self.sha256)
        known = recall(kept) if kept else None
        try:
            return Contents.from_dict(known)
        except (KeyError, TypeError, ValueError):
            found = archive.survey(self.local(), self.name)
        if kept:
            remember(kept, found.as_dict())
        return found

    def add_to(self, tar: tarfile.TarFile, folder_: str) -> None:
        """Write its members into a tar, below a folder. Raises Refused."""
        entries = _Entries(tar, folder_)
        archive.each(self.local(), self.name, self.prefix, entries.take)

    def again(self) -> Package:
        """Return it as it is by now. Raises FairleadError."""
        return replace(self, sha256=sha256_of(self.local()))


def read_package(path: Path, name: str, expected: str | None) -> Package:
    """Return the package in a file. Raises Refused if it is not the expected one."""
    try:
        found = _known_sha256_of(path)
    except OSError as error:
        raise Refused([Problem(name, 0, 0, "", f"cannot be read: {error.strerror}")]) from error
    if expected and found != expected:
        raise Refused(
            [Problem(name, 0, 0, "", "has another SHA-256 than the app file says", found, expected)]
        )
    return Package(name, found, path)


def _known_sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, without reading it where nothing has changed since that was done."""
    place = _remembered(_HASHES, hashlib.sha256(os.fsencode(path)).hexdigest())
    mark = _mark(path)
    known = recall(place) if place else None
    if isinstance(known, list) and len(known) == len(("mark", "hash")) and known[0] == mark:
        return str(known[1])
    found = sha256_of(path)
    # One that has only just changed may change again within the same tick of its times.
    if place and time.time_ns() - max(mark[1:3]) > _SETTLED and mark == _mark(path):
        remember(place, [mark, found])
    return found


def _mark(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remembered(kind: str, name: str) -> Path | None:
    """Return where something is remembered, if anything can be."""
    try:
        return folder(kind) / f"{name}-{_SCHEME}.json"
    except FairleadError:
        return None


class _Entries:
    """Members as entries of a tar; directories that are only implied get one too, and with it a time."""

    def __init__(self, tar: tarfile.TarFile, folder_: str) -> None:
        self._tar, self._folder = tar, folder_
        self._folders: set[str] = set()

    def take(self, member: Member, content: Iterator[bytes]) -> None:
        """Add one member, and the directories above it."""
        if member.kind is Kind.DIRECTORY:
            self._add_folders(member.path)
            return
        self._add_folders(member.path.rpartition("/")[0])
        info = header(f"{self._folder}/{member.path}", member.kind)
        info.size = member.size
        self._tar.addfile(info, cast("IO[bytes]", _Pieces(content)))

    def _add_folders(self, path: str) -> None:
        if path and path not in self._folders:
            self._add_folders(path.rpartition("/")[0])
            self._folders.add(path)
            self._tar.addfile(header(f"{self._folder}/{path}", Kind.DIRECTORY))


class _Pieces:
    """Pieces of bytes, read as a file is."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, bytearray()

    def read(self, amount: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        while len(self._rest) < amount and (data := next(self._pieces, None)) is not None:
            self._rest += data
        taken = bytes(self._rest[:amount])
        del self._rest[:amount]
        return taken
