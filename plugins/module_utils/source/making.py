# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources for which a Dockerfile is written: packages, and code that brings none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import Recipe

from .chosen import Choice, parsed, place_in
from .contents import PROCFILE, Contents
from .dockerfile import Written, write
from .draft import Order, Unbuildable
from .generated import Generated, Payload
from .package import Package, read_package
from .procfile import Procfile
from .runtimes import detect, split_runtime
from .tree import Tree, procfile_in, read_source

_BUILD = ("build",)


def from_package(entry: Entry, indexes: Mapping[str, str]) -> Choice:
    """Return the package of an app, with a Dockerfile. Raises FairleadError."""
    package = package_of(entry)
    contents = package.contents()
    order = Order(contents, finished=True, indexes=indexes)
    payload = replace(package, prefix=contents.prefix)
    return _generated(entry, payload, order, procfile_in_package(entry, contents))


def from_tree(entry: Entry, root: Path, commit: str, indexes: Mapping[str, str]) -> Choice:
    """Return the code in a directory, with a Dockerfile. Raises FairleadError."""
    procfile = parsed(str(root), procfile_in(root))
    tree = Tree(read_source(root), commit)
    return _generated(entry, tree, Order(tree.contents(), finished=False, indexes=indexes), procfile)


def package_of(entry: Entry) -> Package:
    """Return the package that an app's file names. Raises Refused."""
    build = entry.app.build
    if entry.package:
        return read_package(entry.package, entry.named(build.package or ""), build.sha256)
    return Package(build.package or "", build.sha256 or "", url=build.package or "")


def procfile_in_package(entry: Entry, contents: Contents) -> Procfile:
    """Return what the Procfile in a package says. Raises Refused."""
    return parsed(entry.named(entry.app.build.package or ""), contents.texts.get(PROCFILE))


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
        raise Refused(
            [entry.document.problem(place_in(entry), problem, payload.name, error.expected)]
        ) from error
    except ValueError as error:
        problem, expected = str(error), f"a {entry.app.build.dockerfile}, or runtime: NAME"
        raise Refused([entry.document.problem(place_in(entry), problem, payload.name, expected)]) from error
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
