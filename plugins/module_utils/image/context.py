# SPDX-License-Identifier: GPL-3.0-or-later
"""A build context on the controller: what is in it, the hash of that, and the same packed for the builder.

Only what a build can see counts: paths, kinds, the executable bit, contents and where links lead. Times,
owners and other permissions do not, so every checkout of a commit gives the same hash and the same image.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused

from .ignore import IGNORE_FILE, paths_in, read_rules
from .recipe import USUAL, Recipe

_SCHEME = "fairlead context 1"  # raised when the same context shall give another hash
_HASH_DIGITS = 16


class Kind(Enum):
    """What an entry of a context is."""

    FILE = "file"
    PROGRAM = "program"  # a file with its executable bit set
    DIRECTORY = "directory"
    LINK = "link"


@dataclass(frozen=True)
class Entry:
    """One path of a context, relative to its root; ``target`` is where a link leads."""

    path: str
    kind: Kind
    target: str = ""


@dataclass(frozen=True)
class Context:
    """A build context as it is on the disk now, its entries sorted by path, and how it is built."""

    root: Path
    entries: tuple[Entry, ...]
    recipe: Recipe = USUAL

    def hash(self) -> str:
        """Return the content hash, 16 hexadecimal digits, of what is in it and how it is built."""
        digest = hashlib.sha256(_SCHEME.encode())
        for part in (json.dumps(self.recipe.as_dict(), sort_keys=True).encode(), *self._parts()):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()[:_HASH_DIGITS]

    def pack(self, file: IO[bytes]) -> None:
        """Write the context as a gzipped tar; the same context gives the same bytes."""
        with (
            gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for entry in self.entries:
                self._add(tar, entry)

    def _parts(self) -> Iterator[bytes]:
        for entry in self.entries:
            yield entry.kind.value.encode()
            yield os.fsencode(entry.path)
            yield self._content(entry)

    def _content(self, entry: Entry) -> bytes:
        if entry.kind in (Kind.FILE, Kind.PROGRAM):
            with (self.root / entry.path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        return os.fsencode(entry.target)

    def _add(self, tar: tarfile.TarFile, entry: Entry) -> None:
        info = tarfile.TarInfo(entry.path)
        info.mode = 0o644 if entry.kind is Kind.FILE else 0o755
        if entry.kind is Kind.DIRECTORY:
            info.type = tarfile.DIRTYPE
        elif entry.kind is Kind.LINK:
            info.type, info.linkname = tarfile.SYMTYPE, entry.target
        else:
            with (self.root / entry.path).open("rb") as file:
                info.size = os.fstat(file.fileno()).st_size
                tar.addfile(info, file)
            return
        tar.addfile(info)


def read_context(root: Path, recipe: Recipe = USUAL) -> Context:
    """Return the context in a directory, without what its ``.dockerignore`` leaves out.

    Raises Refused with every link that leads out of it, and everything that is no file, directory or link.
    """
    if not (root / recipe.dockerfile).is_file():
        raise Refused([Problem(str(root), 0, 0, "", f"has no {recipe.dockerfile}")])
    paths = sorted(paths_in(root, read_rules(root, recipe.dockerfile)), key=os.fsencode)
    problems = [problem for path in paths for problem in _problems(root, path)]
    if problems:
        raise Refused(problems)
    return Context(root, tuple(_entry(root, path) for path in paths), recipe)


def _problems(root: Path, path: str) -> Iterator[Problem]:
    place, mode = root / path, (root / path).lstat().st_mode
    hint = f"leave it out by {IGNORE_FILE}"
    if stat.S_ISLNK(mode):
        target = str(place.readlink())
        if _leads_out(path, target):
            yield Problem(str(place), 0, 0, "", "is a link that leads out of the build context", target, hint)
    elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        yield Problem(str(place), 0, 0, "", "is no file, directory or link", stat.filemode(mode), hint)
    elif not os.access(place, os.R_OK):
        yield Problem(str(place), 0, 0, "", "cannot be read", stat.filemode(mode), hint)


def _leads_out(path: str, target: str) -> bool:
    end = os.path.normpath(PurePosixPath(path).parent / target)
    return end.startswith("/") or end.split("/")[0] == ".."


def _entry(root: Path, path: str) -> Entry:
    place, mode = root / path, (root / path).lstat().st_mode
    if stat.S_ISLNK(mode):
        return Entry(path, Kind.LINK, str(place.readlink()))
    if stat.S_ISDIR(mode):
        return Entry(path, Kind.DIRECTORY)
    return Entry(path, Kind.PROGRAM if mode & stat.S_IXUSR else Kind.FILE)
