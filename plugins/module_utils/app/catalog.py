# SPDX-License-Identifier: GPL-3.0-or-later
"""Every app file of the repository, checked together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused, did_you_mean

from .document import Document, one_line, show
from .document import Path as FieldPath
from .file import parse_app
from .grammar import parse_name
from .model import App
from .neighbours import check_neighbours
from .sources import app_files, check_context, check_package, read_bytes


@dataclass(frozen=True)
class Entry:
    """One app, the document to point at its parts, and the absolute path of what it is built from, if any.

    That is a directory, its ``context``, or a file, its ``package``. ``source/choice`` makes a source of it.
    """

    app: App
    document: Document
    context: Path | None
    package: Path | None = None

    def named(self, path: str) -> str:
        """Return what messages call something beside the app's file."""
        return str(PurePath(self.document.file).parent / path)


@dataclass(frozen=True)
class Catalog:
    """The apps that are well-formed by themselves, the names of all, and the problems of all files."""

    entries: Mapping[str, Entry]
    names: tuple[str, ...]
    problems: tuple[Problem, ...]

    def require(self, name: str) -> Entry:
        """Return one app. Raises Refused if any file has a problem, or if there is no such app."""
        problems = [*self.problems, *self.missing(name)]
        if problems:
            raise Refused(problems)
        return self.entries[name]

    def missing(self, name: str) -> list[Problem]:
        """Return the problem that there is no such app, or that none is named, with those that there are."""
        if name in self.names:
            return []
        known = did_you_mean(name, self.names) if self.names else "an app file in the apps directory"
        if not name:
            return [Problem("command line", 0, 0, "app", "none is given", "", f"-e app=NAME, {known}")]
        return [Problem("command line", 0, 0, "app", "there is no such app", show(name), known)]


def check_name(name: str) -> list[Problem]:
    """Return the problem that no app can be called so, or that none is named; it need not have a file."""
    if not name:
        return [Problem("command line", 0, 0, "app", "none is given", "", "-e app=NAME")]
    try:
        parse_name(name)
    except ValueError as error:
        return [Problem("command line", 0, 0, "app", "is no name of an app", show(name), str(error))]
    return []


def read_catalog(directory: Path, domain: str = "") -> Catalog:
    """Return all apps of a directory. Without the platform's ``domain``, NAME.<domain> is not checked."""
    if not directory.is_dir():
        return Catalog(
            {}, (), (Problem(str(directory), 0, 0, "", "is no directory", "", "the apps directory"),)
        )
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    paths = list(app_files(directory))
    for path in paths:
        try:
            entry, found = _read(path)
        except Refused as refused:
            problems += refused.problems
        else:
            entries[entry.app.app] = entry
            problems += found
    problems += _conflicts(entries, domain.lower())
    names = tuple(path.stem for path in paths)
    problems += check_neighbours({name: (each.app, each.document) for name, each in entries.items()}, names)
    return Catalog(entries, names, tuple(sorted(problems)))


def _read(path: Path) -> tuple[Entry, list[Problem]]:
    file = f"{one_line(path.parent.name)}/{one_line(path.name)}"
    if path.suffix != ".yml":
        raise Refused(
            [Problem(file, 0, 0, "", "has another ending", path.suffix, f"the name {path.stem}.yml")]
        )
    try:
        data = read_bytes(path)
    except ValueError as error:
        raise Refused([Problem(file, 0, 0, "", str(error), "", "an app file")]) from error
    app, document = parse_app(file, data)
    context, problems = check_context(path.parent, document)
    package, more = check_package(path.parent, document)
    return Entry(app, document, context, package), [*problems, *more]


def _conflicts(entries: Mapping[str, Entry], domain: str) -> Iterator[Problem]:
    """Yield a problem for every route whose domain another route, or the platform, has already."""
    taken = (
        {f"{name}.{domain}": f"app {name}, as NAME.<platform domain>" for name in entries} if domain else {}
    )
    for name, entry in sorted(entries.items()):
        for at, route in enumerate(entry.app.routes):
            path: FieldPath = ("routes", at, "domain")
            if route.domain in taken:
                problem = f"belongs to {taken[route.domain]}"
                yield entry.document.problem(path, problem, show(route.domain), "a domain of its own")
            taken.setdefault(route.domain, f"app {name}, process {route.process}")
