# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be in an archive: the rules that hold for each member, whatever the archive's format.

Archives are hostile. Nothing that one declares is believed: sizes are those of the bytes that come.
"""

from __future__ import annotations

import stat
import unicodedata
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import one_line
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

ONLY = "only regular files and directories"
_SPECIAL = {
    stat.S_IFLNK: "is a symbolic link",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
    stat.S_IFIFO: "is a fifo",
    stat.S_IFSOCK: "is a socket",
}
_RAISED = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class HostileError(Exception):
    """An archive is refused: which member, what is wrong, what was found, what is expected."""

    def __init__(self, member: str, problem: str, expected: str = "", got: str = "") -> None:
        """Keep the parts of the sentence."""
        super().__init__(problem)
        self.member, self.problem, self.expected, self.got = one_line(member), problem, expected, got


@dataclass(frozen=True)
class Limits:
    """The most that an archive may be. A ratio counts from ``floor`` unpacked bytes on."""

    members: int = 50_000
    total: int = 2 * 2**30
    member: int = 2**30
    ratio: int = 200
    floor: int = 16 * 2**20
    name: int = 255  # bytes of one part of a path, as file systems have it
    path: int = 1000  # bytes
    depth: int = 50


LIMITS = Limits()


@dataclass(frozen=True)
class Member:
    """One member, by its normalised path; ``size`` is declared, and the content is held against it."""

    path: str
    kind: Kind
    size: int


class Guard:
    """Admits the members of one archive, one after the other, and counts what comes out of it."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        """Begin an archive; ``kinds`` are all paths in it, directories that are only implied too."""
        self.limits = limits
        self.kinds: dict[str, Kind] = {}
        self.files = 0
        self._said: set[str] = set()  # what had a member of its own
        self._keys: dict[str, str] = {}  # as other systems compare names
        self._members = self._total = 0

    def admit(self, raw: bytes, mode: int, size: int, *, directory: bool) -> Member | None:
        """Return a member, None for the archive's root. Raises HostileError."""
        self._members += 1
        if self._members > self.limits.members:
            raise HostileError("", "has too many members", f"at most {self.limits.members}")
        path = self._path(raw)
        check_mode(path, mode)
        if not path:
            if not directory:
                raise HostileError(_shown(raw), "has no name", "a path")
            return None
        kind = Kind.DIRECTORY if directory else Kind.PROGRAM if mode & stat.S_IXUSR else Kind.FILE
        if size > self.limits.member:
            raise HostileError(path, "is too large", f"at most {format_size(self.limits.member)}")
        self._enter(path, kind)
        return Member(path, kind, size)

    def count(self, path: str, amount: int) -> None:
        """Count bytes that came out. Raises HostileError when it is too much."""
        self._total += amount
        if self._total > self.limits.total:
            raise HostileError(
                path, "is where it gets too large", f"at most {format_size(self.limits.total)}"
            )

    def check_ratio(self, path: str, unpacked: int, packed: int) -> None:
        """Raise HostileError where hardly any bytes become very many."""
        if unpacked > self.limits.floor and unpacked > self.limits.ratio * max(packed, 1):
            expected = f"at most {self.limits.ratio} bytes from one"
            raise HostileError(path, "is packed beyond belief, as bombs are", expected)

    def _path(self, raw: bytes) -> str:
        name = _text(raw)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/"):
            raise HostileError(name, "is an absolute name", "a name relative to the archive's top")
        if ".." in parts:
            raise HostileError(name, "leads out by ..", "a name inside the archive")
        if "\\" in name:
            raise HostileError(name, "has a backslash in its name", "/ between directories")
        limits, path = self.limits, "/".join(parts)
        longest = max((len(part.encode()) for part in parts), default=0)
        if longest > limits.name or len(path.encode()) > limits.path or len(parts) > limits.depth:
            expected = f"at most {limits.name} bytes a part, {limits.path} in all, {limits.depth} directories"
            raise HostileError(name, "has too long a name", expected)
        return path

    def _enter(self, path: str, kind: Kind) -> None:
        known = self.kinds.get(path)
        key = unicodedata.normalize("NFC", path)
        if path in self._said or self._keys.get(key, path) != path:
            raise HostileError(path, "is in it twice", "each name once")
        if known and kind is not Kind.DIRECTORY:
            raise HostileError(path, "is a file and a directory", "one of the two")
        self._imply(path)
        self._said.add(path)
        self._keys[key] = path
        self.kinds[path] = kind
        self.files += kind is not Kind.DIRECTORY

    def _imply(self, path: str) -> None:
        above = path.rpartition("/")[0]
        while above:
            kind = self.kinds.setdefault(above, Kind.DIRECTORY)
            if kind is not Kind.DIRECTORY:
                raise HostileError(above, "is a file and a directory", "one of the two")
            above = above.rpartition("/")[0]


def check_mode(path: str, mode: int) -> None:
    """Raise HostileError for what is no plain file or directory, or would run as somebody else."""
    special = _SPECIAL.get(stat.S_IFMT(mode))
    if special:
        raise HostileError(path, special, ONLY)
    if mode & _RAISED:
        expected = "no setuid, setgid or sticky bit"
        raise HostileError(path, "has a bit that raises rights", expected, f"{mode & 0o7777:04o}")


def _text(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise HostileError(_shown(raw), "has a name that is not UTF-8", "UTF-8") from error
    if not name.isprintable():
        raise HostileError(name, "has a name with characters that cannot be printed", "printable ones")
    return name


def _shown(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")
