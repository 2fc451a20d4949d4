# SPDX-License-Identifier: GPL-3.0-or-later
"""A build context on the controller: what is in it, the hash of that, and the same packed for the builder.

Only what a build can see counts: paths, kinds, the executable bit, contents and where links lead. Times,
owners and other permissions do not, so every checkout of a commit gives the same hash and the same image.
"""

from __future__ import annotations

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

from .ignore import IGNORE_FILE, Rule, paths_in, read_rules
from .recipe import USUAL, Recipe

_SCHEME = "fairlead context 1"  # raised when the same context shall give another hash
_HASH_DIGITS = 16


class Kind(Enum):
    """What an entry of a context is."""

    FILE = "file"
    PROGRAM = "program"  # a file with its executable bit set
    DIRECTORY = "directory"
    LINK = "link"


_TYPES = {Kind.DIRECTORY: tarfile.DIRTYPE, Kind.LINK: tarfile.SYMTYPE}


@dataclass(frozen=True)
class Entry:
    """One path of a context, relative to its root; ``target`` is where a link leads."""

    path: str
    kind: Kind
    target: str = ""


@dataclass(frozen=True)
class Context:
    """A build context as it is on the disk now, its entries sorted by path, and how it is built.

    ``revision`` is the commit that it is a checkout of, where it was made as one.
    """

    root: Path
    entries: tuple[Entry, ...]
    recipe: Recipe = USUAL
    revision: str = ""

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return str(self.root)

    @property
    def size(self) -> str:
        """Return how much is in it, in words."""
        return f"{len(self.entries)} entries"

    def again(self) -> Context:
        """Return the context as it is by now. Raises Refused as ``read_context`` does."""
        return read_context(self.root, self.recipe)

    def hash(self) -> str:
        """Return the content hash, 16 hexadecimal digits, of what is in it and how it is built."""
        digest = hashlib.sha256(_SCHEME.encode())
        for part in (json.dumps(self.recipe.as_dict(), sort_keys=True).encode(), *self._parts()):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()[:_HASH_DIGITS]

    def pack(self, file: IO[bytes]) -> None:
        """Write the context as a tar; the same context gives the same bytes."""
        with packing(file) as tar:
            self.add_to(tar)

    def add_to(self, tar: tarfile.TarFile, folder: str = "") -> None:
        """Write its entries into a tar, below a folder if one is named."""
        for entry in self.entries:
            self._add(tar, entry, f"{folder}/{entry.path}" if folder else entry.path)

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

    def _add(self, tar: tarfile.TarFile, entry: Entry, path: str) -> None:
        info = header(path, entry.kind)
        info.linkname = entry.target
        if entry.kind in (Kind.FILE, Kind.PROGRAM):
            with (self.root / entry.path).open("rb") as file:
                info.size = os.fstat(file.fileno()).st_size
                tar.addfile(info, file)
            return
        tar.addfile(info)


def packing(file: IO[bytes]) -> tarfile.TarFile:
    """Return a tar that is written into a file; the same entries give the same bytes."""
    return tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)


def header(path: str, kind: Kind) -> tarfile.TarInfo:
    """Return what a tar says of an entry: no time, no owner, and of permissions only who may run it."""
    info = tarfile.TarInfo(path)
    info.type = _TYPES.get(kind, tarfile.REGTYPE)
    info.mode = 0o644 if kind is Kind.FILE else 0o755
    return info


def read_context(root: Path, recipe: Recipe = USUAL) -> Context:
    """Return the context in a directory, without what its ``.dockerignore`` leaves out.

    Raises Refused with every link that leads out of it, and everything that is no file, directory or link.
    """
    if not (root / recipe.dockerfile).is_file():
        raise Refused([Problem(str(root), 0, 0, "", f"has no {recipe.dockerfile}")])
    return read_tree(root, read_rules(root, recipe.dockerfile), recipe)


def read_tree(root: Path, rules: tuple[Rule, ...], recipe: Recipe = USUAL) -> Context:
    """Return what is in a directory without what the rules leave out, whether or not there is a Dockerfile.

    Raises Refused as ``read_context`` does.
    """
    paths = sorted(paths_in(root, rules), key=os.fsencode)
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
