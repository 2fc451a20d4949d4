# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody has, taken as the source of a new app: looked at, and copied beside its file or not."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import GIT_URL_HELP, parse_git_url
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind, read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import DOCKERFILE
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import choose
from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import PROCFILE
from ansible_collections.fairlead.paas.plugins.module_utils.source.endings import ENDINGS_HELP, ending_of
from ansible_collections.fairlead.paas.plugins.module_utils.source.package import read_package
from ansible_collections.fairlead.paas.plugins.module_utils.source.procfile import Procfile, parse_procfile
from ansible_collections.fairlead.paas.plugins.module_utils.source.tree import Tree, procfile_in, read_source

from .first import ANY_INDEX, Found

Build = Mapping[str, str | Mapping[str, str]]


def place_of(source: Path, out: Path, name: str, *, copy: bool) -> tuple[Build, Path | None]:
    """Return how ``build`` names a source, and where to copy it, if that is needed. Raises FairleadError."""
    kind = "context" if source.is_dir() else "package"
    inside, apps = source.resolve(), out.resolve()
    if inside.is_relative_to(apps) and inside != apps:
        return {kind: str(inside.relative_to(apps))}, None
    if not copy:
        ways = f"move it there, or say --copy{', or --git for a checkout' if source.is_dir() else ''}"
        raise FairleadError(f"{source}: is not in {out}, beside the app file; {ways}")
    to = out / (name if source.is_dir() else source.name)
    if os.path.lexists(to):
        raise FairleadError(f"{to}: is there already, so {source} cannot be copied to it")
    return {kind: to.name}, to


def origin(source: Path) -> Build:
    """Return a checkout's origin and branch, as ``build`` names them. Raises FairleadError."""
    url, branch = _git(source, "remote", "get-url", "origin"), _git(source, "branch", "--show-current")
    path = _git(source, "rev-parse", "--show-prefix").rstrip("/")
    try:
        parse_git_url(url)
    except ValueError as error:
        # It may hold a password, so it is not repeated.
        raise FairleadError(f"{source}: its origin cannot be used; expected {GIT_URL_HELP}") from error
    parts = {"url": url, "ref": branch, "path": path}
    return {"git": {key: value for key, value in parts.items() if value}}


def look(source: Path, build: Build) -> Found:
    """Return what is in a source. Raises FairleadError."""
    if source.is_dir():
        text, place = procfile_in(source), source / DOCKERFILE
        dockerfile = place.read_text(errors="replace") if place.is_file() else None
        return Found(build, Tree(read_source(source)).contents(), _parsed(text), dockerfile)
    if ending_of(source.name) is None:
        raise FairleadError(f"{source}: has an ending that is not known; expected {ENDINGS_HELP}")
    contents = read_package(source, str(source), None).contents()
    return Found(build, contents, _parsed(contents.texts.get(PROCFILE)))


def copy(source: Path, to: Path) -> None:
    """Copy a package, or of a directory what a build would see of it. Raises FairleadError."""
    if source.is_file():
        shutil.copyfile(source, to)
        return
    context = read_context(source) if (source / DOCKERFILE).is_file() else read_source(source)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}-") as scratch:
        root = Path(scratch, "root")
        root.mkdir()
        for entry in context.entries:
            place = root / entry.path
            place.parent.mkdir(parents=True, exist_ok=True)
            if entry.kind is Kind.DIRECTORY:
                place.mkdir(exist_ok=True)
            elif entry.kind is Kind.LINK:
                place.symlink_to(entry.target)
            else:
                shutil.copy(source / entry.path, place)
        root.rename(to)


def remove(copied: Path) -> None:
    """Take a copy away again."""
    if copied.is_dir():
        shutil.rmtree(copied, ignore_errors=True)
    else:
        copied.unlink(missing_ok=True)


def check(out: Path, name: str) -> None:
    """Raise Refused if a run would not take a new app file, whatever is wrong with others."""
    catalog = read_catalog(out)
    ours = [each for each in catalog.problems if Path(each.file).name == f"{name}.yml"]
    if ours:
        raise Refused(ours)
    entry = catalog.entries[name]
    if not entry.app.build.git:  # what its origin has is what this was made by, or will be
        choose(entry, ANY_INDEX)


def _parsed(text: str | None) -> Procfile:
    return parse_procfile(PROCFILE, text) if text is not None else Procfile()


def _git(source: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(source), *arguments],  # noqa: S607 - the git that the person uses
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise FairleadError(f"git cannot be started: {error.strerror}") from error
    if answer.returncode:
        why = (answer.stderr.strip() or "git failed").splitlines()[0]
        raise FairleadError(f"{source}: is no checkout with an origin: {why}")
    return answer.stdout.strip()
