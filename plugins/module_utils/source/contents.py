# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a source, as far as that decides how it is built and started: names at its top, a few texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind

from .members import Member

PROCFILE = "Procfile"
TEXTS = (
    PROCFILE,
    "composer.json",
    "Gemfile",
    "package.json",
    "pom.xml",
    "pyproject.toml",
    "requirements.txt",
)
MOST_TEXT = 256 * 2**10  # bytes of one of these files
_DEPTH = 2
# What packages of a language bring along is many names, and decides nothing.
_LIBRARIES = ("node_modules", "site-packages")
# A package may be one directory with all that it is. These are a part of it, and stay.
_PARTS = ("public",)
_PYTHON = ("__init__.py", "__main__.py")


@dataclass(frozen=True)
class Contents:
    """Kinds by path, at most two deep, and the texts of what is named in TEXTS at the top, where it is one.

    ``prefix`` is the only directory at the top of an archive, which is left away; ``files`` counts all files.
    """

    kinds: Mapping[str, Kind]
    texts: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    files: int = 0

    def __contains__(self, path: object) -> bool:
        """Say whether there is something by this path."""
        return path in self.kinds

    def top(self, *kinds: Kind) -> list[str]:
        """Return the names at the top that are of one of some kinds."""
        return sorted(path for path, kind in self.kinds.items() if kind in kinds and "/" not in path)

    def files_at_top(self) -> list[str]:
        """Return the names of files at the top."""
        return self.top(Kind.FILE, Kind.PROGRAM)

    def has_folder(self, path: str) -> bool:
        """Say whether a path is a directory."""
        return self.kinds.get(path) is Kind.DIRECTORY

    def has_file(self, path: str) -> bool:
        """Say whether a path is a regular file."""
        return self.kinds.get(path) in (Kind.FILE, Kind.PROGRAM)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        kinds = {path: kind.value for path, kind in self.kinds.items()}
        return {"kinds": kinds, "texts": dict(self.texts), "prefix": self.prefix, "files": self.files}

    @classmethod
    def from_dict(cls, data: Any) -> Contents:
        """Return what ``as_dict`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        kinds = {str(path): Kind(kind) for path, kind in dict(data["kinds"]).items()}
        texts = {str(name): str(text) for name, text in dict(data["texts"]).items()}
        return cls(kinds, texts, str(data["prefix"]), int(data["files"]))


class Finder:
    """Keeps the texts that matter while an archive is read, whether or not one directory holds all of it."""

    def __init__(self) -> None:
        """Have found nothing."""
        self._texts: dict[str, bytes] = {}
        self._first = ""  # what came first at the top: texts of other directories cannot matter

    def take(self, member: Member, content: Iterator[bytes]) -> None:
        """Keep a member's content if it may matter."""
        first, inside, name = member.path.partition("/")
        self._first = self._first or first
        wanted = (name if inside else first) in TEXTS and (not inside or first == self._first)
        if wanted and member.kind is not Kind.DIRECTORY and member.size <= MOST_TEXT:
            self._texts[member.path] = b"".join(content)

    def contents(self, kinds: Mapping[str, Kind]) -> Contents:
        """Return what was found, without the directory that holds all of it."""
        prefix = _only_directory(kinds)
        start = f"{prefix}/" if prefix else ""
        inside = {path[len(start) :]: kind for path, kind in kinds.items() if path.startswith(start)}
        texts = {path[len(start) :]: text for path, text in self._texts.items() if path.startswith(start)}
        return contents_of(inside.items(), texts, prefix)


def contents_of(
    entries: Iterable[tuple[str, Kind]], texts: Mapping[str, bytes], prefix: str = ""
) -> Contents:
    """Return the contents that paths with their kinds, and the bytes of some files, are."""
    every = list(entries)
    kinds = {path: kind for path, kind in sorted(every) if _matters(path)}
    read = {name: text for name, data in texts.items() if name in TEXTS and (text := _text(data)) is not None}
    return Contents(kinds, read, prefix, sum(kind is not Kind.DIRECTORY for _, kind in every))


def _only_directory(kinds: Mapping[str, Kind]) -> str:
    top = [path for path in kinds if "/" not in path]
    if len(top) != 1 or kinds[top[0]] is not Kind.DIRECTORY or top[0] in _PARTS:
        return ""
    return "" if any(f"{top[0]}/{name}" in kinds for name in _PYTHON) else top[0]


def _matters(path: str) -> bool:
    parts = path.split("/")
    return len(parts) <= _DEPTH and (len(parts) == 1 or parts[0] not in _LIBRARIES)


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8-sig") if len(data) <= MOST_TEXT else None
    except UnicodeDecodeError:
        return None
