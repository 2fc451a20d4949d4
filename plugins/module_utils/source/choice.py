# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app's image is built from, as its file has it: the one place that decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry
from ansible_collections.fairlead.paas.plugins.module_utils.app.sources import is_inside
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import Recipe

from .chosen import Choice, parsed, place_in
from .procfile import Procfile
from .tree import procfile_in


def choose(entry: Entry, indexes: Mapping[str, str], run: Path | None = None) -> Choice | None:
    """Return what an app's image is built from, None where it is taken as it is.

    ``run`` is the run's own folder, if there is one: what is found out there holds for all of the run. Raises
    Refused with what stands in the way.
    """
    build = entry.app.build
    if build.image:
        return None
    try:
        root, commit = (None, "") if build.package else _root(entry, run)
        if root and build.runtime is None and (root / build.dockerfile).is_file():
            parsed(str(root), procfile_in(root))
            return _with_its_own(entry, root, commit)
        # Most apps have a Dockerfile, and writing one takes more imports than all the rest.
        from .making import from_package, from_tree  # noqa: PLC0415

        return from_tree(entry, root, commit, indexes) if root else from_package(entry, indexes)
    except Refused:
        raise
    except FairleadError as error:
        raise Refused([entry.document.problem(place_in(entry), str(error))]) from error


def procfile_of(entry: Entry, run: Path | None = None) -> Procfile:
    """Return what the Procfile of an app's source says; nothing where there is none. Raises FairleadError."""
    build = entry.app.build
    if build.image:
        return Procfile()
    if build.package:
        from .making import package_of, procfile_in_package  # noqa: PLC0415

        return procfile_in_package(entry, package_of(entry).contents())
    root, _ = _root(entry, run)
    return parsed(str(root), procfile_in(root))


def _root(entry: Entry, run: Path | None) -> tuple[Path, str]:
    """Return the directory that is built, and the commit that it is, if it is one."""
    git = entry.app.build.git
    if git is None:
        return entry.context or Path(), ""
    from .git import Repository, checkout  # noqa: PLC0415 - few apps need it

    found = checkout(Repository(git.url, git.ref), run)
    root = found.root / (git.path or "")
    if not root.is_dir() or not is_inside(root, found.root):
        at, got = ("build", "git", "path"), git.path or ""
        raise Refused([entry.document.problem(at, "is no directory of the commit", got, found.commit)])
    return root, found.commit


def _with_its_own(entry: Entry, root: Path, commit: str) -> Choice:
    build = entry.app.build
    place = root / build.dockerfile
    if place.is_symlink() or not is_inside(place, root):
        problem = f"has a {build.dockerfile} that is a link"
        raise Refused([entry.document.problem(place_in(entry), problem, "", "a regular file")])
    context = read_context(root, Recipe(build.dockerfile, build.target, build.args, build.secrets))
    return Choice(replace(context, revision=commit), place.read_text(errors="replace"))
