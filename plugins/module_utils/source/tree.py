# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory without a Dockerfile, and what is in it."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Context, Kind, read_tree
from ansible_collections.fairlead.paas.plugins.module_utils.image.ignore import IGNORE_FILE, read_rules

from .contents import MOST_TEXT, PROCFILE, TEXTS, Contents, contents_of

# What is in many directories and belongs in no image; a .dockerignore may say otherwise.
_USUAL = (".git", ".env", ".venv", "venv", "**/__pycache__", "**/*.pyc")


@dataclass(frozen=True)
class Tree:
    """A directory as it is on the disk now, without what is ignored in it."""

    context: Context
    revision: str = ""

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return self.context.name

    @property
    def size(self) -> str:
        """Return how much is in it, in words."""
        return self.context.size

    def identity(self) -> str:
        """Return the hash of what is in it."""
        return self.context.hash()

    def add_to(self, tar: tarfile.TarFile, folder: str) -> None:
        """Write its entries into a tar, below a folder; which of them were ignored is nobody's business."""
        entries = tuple(entry for entry in self.context.entries if entry.path != IGNORE_FILE)
        replace(self.context, entries=entries).add_to(tar, folder)

    def again(self) -> Tree:
        """Return it as it is by now. Raises Refused as ``read_source`` does."""
        return replace(self, context=read_source(self.context.root))

    def contents(self) -> Contents:
        """Return what decides how it is built."""
        kinds = {entry.path: entry.kind for entry in self.context.entries}
        plain = [name for name in TEXTS if kinds.get(name) in (Kind.FILE, Kind.PROGRAM)]
        return contents_of(kinds.items(), {name: read_text(self.context.root / name) for name in plain})


def read_source(root: Path) -> Context:
    """Return what is in a directory that shall get a Dockerfile. Raises Refused as ``read_context`` does."""
    return read_tree(root, read_rules(root, usual=_USUAL))


def glance(root: Path) -> Contents:
    """Return what is at the top of a directory; nothing of it is opened. Raises OSError."""
    entries = [(each.name, each) for each in root.iterdir() if not each.is_symlink()]
    kinds = [(name, Kind.DIRECTORY if each.is_dir() else Kind.FILE) for name, each in entries]
    return contents_of(kinds, {})


def procfile_in(root: Path) -> str | None:
    """Return the text of the Procfile at the top of a directory, if there is one. Raises Refused."""
    place = root / PROCFILE
    if not place.is_symlink() and not place.exists():
        return None
    if place.is_symlink() or not place.is_file():
        raise Refused([Problem(str(place), 0, 0, "", "is no regular file", "", "a file, and no link")])
    text = contents_of([(PROCFILE, Kind.FILE)], {PROCFILE: read_text(place)}).texts.get(PROCFILE)
    if text is None:
        expected = f"UTF-8, at most {MOST_TEXT} bytes"
        raise Refused([Problem(str(place), 0, 0, "", "cannot be read as text", "", expected)])
    return text


def read_text(place: Path) -> bytes:
    """Return the first bytes of a file, one more than is taken as a text. Raises Refused."""
    try:
        with place.open("rb") as file:
            return file.read(MOST_TEXT + 1)
    except OSError as error:
        raise Refused([Problem(str(place), 0, 0, "", f"cannot be read: {error.strerror}")]) from error
