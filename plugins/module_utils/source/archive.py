# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: a .tar.gz, .tar.zst or .zip of finished artefacts, read without being unpacked anywhere.

What is in one is passed on member by member, straight to where it is packed for the builder, and held to the
rules of ``members`` on the way. That is done whenever it is read, not only the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused

from .contents import Contents, Finder
from .endings import ENDINGS, GZIP, ZIP, ZSTD, ending_of
from .members import LIMITS, Guard, HostileError, Limits, Member
from .tar import read_tar
from .unpacking import TRUNCATED, Unpacked
from .zipped import read_zip

_FORMATS = {GZIP: "gzip", ZSTD: "Zstandard", ZIP: "zip", b"PK\x05\x06": "a zip without members"}
_JUNK = "__MACOSX"  # beside the members in zips that macOS makes

Members = Iterator[tuple[Member, Iterator[bytes]]]


def survey(path: Path, name: str, limits: Limits = LIMITS) -> Contents:
    """Read a whole archive and return what is in it; ``name`` is what messages call it. Raises Refused."""
    guard, finder = Guard(limits), Finder()
    with _open(path, name) as (file, format_):
        for member, content in _members(file, format_, guard):
            finder.take(member, content)
        kinds = {path_: kind for path_, kind in guard.kinds.items() if path_.partition("/")[0] != _JUNK}
        contents = finder.contents(kinds)
        if not contents.files:
            raise HostileError("", "is empty", "at least one file")
    return contents


def each(path: Path, name: str, prefix: str, take: Callable[[Member, Iterator[bytes]], None]) -> None:
    """Hand over what is in an archive below ``prefix``, paths relative to that, each content once.

    Raises Refused, wherever in the archive the reason stands: what was taken by then is worth nothing.
    """
    with _open(path, name) as (file, format_):
        for member, content in _members(file, format_, Guard()):
            first, _, rest = member.path.partition("/")
            if first == _JUNK or (prefix and first != prefix):
                continue
            inside = rest if prefix else member.path
            if inside:
                take(Member(inside, member.kind, member.size), content)


def _members(file: IO[bytes], format_: bytes, guard: Guard) -> Members:
    if format_ == ZIP:
        return read_zip(file, guard)
    return read_tar(Unpacked(file, guard), guard)


@contextmanager
def _open(path: Path, name: str) -> Iterator[tuple[IO[bytes], bytes]]:
    """Open an archive, and say what is wrong with it, there or in what is done with it, in one sentence."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Refused([Problem(name, 0, 0, "", f"cannot be read: {error.strerror}")]) from error
    with file:
        try:
            yield file, _format(file, name)
        except HostileError as error:
            found = Problem(name, 0, 0, error.member, error.problem, error.got, error.expected)
            raise Refused([found]) from error


def _format(file: IO[bytes], name: str) -> bytes:
    """Return the format that a file has. Raises HostileError if its name promises another one."""
    start = file.read(4)
    file.seek(0)
    found = next((magic for magic in _FORMATS if start.startswith(magic)), None)
    promised = ENDINGS[ending_of(name) or ".zip"]
    if len(start) < len(promised) and promised.startswith(start):
        raise HostileError("", "is empty" if not start else TRUNCATED, _FORMATS[promised])
    if found == promised:
        return found
    got = _FORMATS[found] if found else "another format"
    raise HostileError("", "is not what its name says", f"{_FORMATS[promised]}", got)
