# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app's image is built from, as its file has it: the one place that decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry
from ansible_collections.fairlead.paas.plugins.module_utils.app.sources import is_inside
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import Recipe

from .contents import PROCFILE, Contents
from .dockerfile import Written, write
from .draft import Order, Unbuildable
from .generated import Generated, Payload, Source
from .git import Repository, checkout
from .package import Package, read_package
from .procfile import Procfile, parse_procfile
from .runtimes import Runtime, detect, split_runtime
from .tree import Tree, procfile_in, read_source

_BUILD = ("build",)


@dataclass(frozen=True)
class Choice:
    """A source, the text of its Dockerfile, and the runtime that this was written for, None if it was not."""

    source: Source
    dockerfile: str
    runtime: Runtime | None = None


def choose(entry: Entry, indexes: Mapping[str, str], run: Path | None = None) -> Choice | None:
    """Return what an app's image is built from, None where it is taken as it is.

    ``run`` is the run's own folder, if there is one: what is found out there holds for all of the run. Raises
    Refused with what stands in the way.
    """
    build = entry.app.build
    if build.image:
        return None
    try:
        if build.package:
            package = _package(entry)
            contents = package.contents()
            procfile = _procfile_in(entry, contents)
            payload: Payload = replace(package, prefix=contents.prefix)
            return _generated(entry, payload, Order(contents, finished=True, indexes=indexes), procfile)
        root, commit = _root(entry, run)
        procfile = _parsed(str(root), procfile_in(root))
        if build.runtime is None and (root / build.dockerfile).is_file():
            return _with_its_own(entry, root, commit)
        tree = Tree(read_source(root), commit)
        order = Order(tree.contents(), finished=False, indexes=indexes)
        return _generated(entry, tree, order, procfile)
    except Refused:
        raise
    except FairleadError as error:
        raise Refused([entry.document.problem(_at(entry), str(error))]) from error


def procfile_of(entry: Entry, run: Path | None = None) -> Procfile:
    """Return what the Procfile of an app's source says; nothing where there is none. Raises FairleadError."""
    build = entry.app.build
    if build.image:
        return Procfile()
    if build.package:
        return _procfile_in(entry, _package(entry).contents())
    root, _ = _root(entry, run)
    return _parsed(str(root), procfile_in(root))


def _procfile_in(entry: Entry, contents: Contents) -> Procfile:
    return _parsed(entry.named(entry.app.build.package or ""), contents.texts.get(PROCFILE))


def _parsed(name: str, text: str | None) -> Procfile:
    return parse_procfile(f"{name}/{PROCFILE}", text) if text is not None else Procfile()


def _package(entry: Entry) -> Package:
    build = entry.app.build
    if entry.package:
        return read_package(entry.package, entry.named(build.package or ""), build.sha256)
    return Package(build.package or "", build.sha256 or "", url=build.package or "")


def _root(entry: Entry, run: Path | None) -> tuple[Path, str]:
    """Return the directory that is built, and the commit that it is, if it is one."""
    git = entry.app.build.git
    if git is None:
        return entry.context or Path(), ""
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
        raise Refused([entry.document.problem(_at(entry), problem, "", "a regular file")])
    context = read_context(root, Recipe(build.dockerfile, build.target, build.args, build.secrets))
    return Choice(replace(context, revision=commit), place.read_text(errors="replace"))


def _generated(
    entry: Entry,
    payload: Payload,
    order: Order,
    procfile: Procfile,
) -> Choice:
    """Return a source with the Dockerfile that is written for it. Raises Refused."""
    said = entry.app.build.runtime
    _check_own_words(entry)
    try:
        runtime = split_runtime(said) if said else detect(order.contents)
        written = write(runtime, order)
    except Unbuildable as error:
        problem = f"{error.problem} (runtime {runtime.name})"
        raise Refused([entry.document.problem(_at(entry), problem, payload.name, error.expected)]) from error
    except ValueError as error:
        problem, expected = str(error), f"a {entry.app.build.dockerfile}, or runtime: NAME"
        raise Refused([entry.document.problem(_at(entry), problem, payload.name, expected)]) from error
    if lacking := _without_a_command(entry, procfile, written):
        raise Refused(lacking)
    recipe = Recipe(args=dict(sorted(written.args.items())))
    return Choice(Generated(payload, written.text, recipe), written.text, runtime)


def _check_own_words(entry: Entry) -> None:
    """Raise Refused for what is said of a Dockerfile where there is none."""
    for name in ("dockerfile", "target", "args", "secrets"):
        if name in entry.document.mapping(_BUILD):
            expected = f"a {entry.app.build.dockerfile} in it"
            raise Refused([entry.document.key_problem((*_BUILD, name), "has no Dockerfile", "", expected)])


def _without_a_command(entry: Entry, procfile: Procfile, written: Written) -> list[Problem]:
    """Return every process that nothing says how to start."""
    if written.command:
        return []
    problem = f"has no command, and none is found: {written.lacks}"
    return [
        entry.document.problem(
            ("processes", name), problem, "", f"command, or {name}: … in a {PROCFILE} of the source"
        )
        for name, process in entry.app.processes.items()
        if not process.command and name not in procfile.commands
    ]


def _at(entry: Entry) -> tuple[str, ...]:
    build = entry.app.build
    return (*_BUILD, "package" if build.package else "git" if build.git else "context")
