# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits of git repositories: fetched by git into the cache, their files checked out beside.

The repository is a stranger's: nothing of it is carried out, no hook, no filter, no submodule, and only https
and ssh are spoken. The person's own git settings are used for the connection alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .cache import folder, locked, recall, remember

HEAD = "HEAD"
_REFS = "a branch, a tag or a whole commit"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST = 900.0  # seconds for one command
_KEPT = 5  # checkouts of a repository
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_ALLOW_PROTOCOL": "https:ssh",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C.UTF-8",
}
# Without the person's settings, a filter that a repository asks for has no program.
_ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS")
_SETTINGS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "gc.auto=0")
_LINK = "160000"  # how git lists a submodule


@dataclass(frozen=True)
class Repository:
    """A repository's URL, and which branch, tag or commit of it."""

    url: str
    ref: str = HEAD


@dataclass(frozen=True)
class Checkout:
    """The files of a commit."""

    root: Path
    commit: str


def checkout(repository: Repository, run: Path | None = None) -> Checkout:
    """Return the files of a repository's commit. Raises FairleadError.

    A whole commit that is there already needs no network. A branch or tag is asked for each time, but only
    once in a run, whose own folder ``run`` is: all of one run is about one commit.
    """
    place = folder("git") / hashlib.sha256(repository.url.encode()).hexdigest()[:16]
    place.mkdir(mode=0o700, exist_ok=True)
    with locked(place):
        commit = _resolved(repository, place, run)
        root = place / "trees" / commit
        if root.is_dir():
            os.utime(root)
        else:
            _fetch(repository, commit, place / "repository")
            _check_out(repository, commit, place / "repository", root)
            _forget(root.parent)
    return Checkout(root, commit)


def _resolved(repository: Repository, place: Path, run: Path | None) -> str:
    if _COMMIT.fullmatch(repository.ref):
        return repository.ref
    note = run / f"fairlead-git-{place.name}.json" if run else None
    known = recall(note) if note else None
    noted = known if isinstance(known, dict) else {}
    commit = noted.get(repository.ref) or _ask(repository)
    if note:
        remember(note, noted | {repository.ref: commit})
    return str(commit)


def _ask(repository: Repository) -> str:
    """Return the commit that a branch or tag is now; a branch goes before a tag of the same name."""
    said = _git(repository, "ls-remote", "--quiet", "--", repository.url, *_patterns(repository.ref))
    found = {name: commit for commit, _, name in (line.partition("\t") for line in said.splitlines())}
    for name in _names(repository.ref):
        if _COMMIT.fullmatch(found.get(name, "")):
            return found[name]
    raise FairleadError(f"{repository.url} has no {repository.ref}; expected {_REFS}")


def _names(ref: str) -> tuple[str, ...]:
    return (HEAD,) if ref == HEAD else (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}")


def _patterns(ref: str) -> tuple[str, ...]:
    return (HEAD,) if ref == HEAD else (f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/tags/{ref}^{{}}")


def _fetch(repository: Repository, commit: str, bare: Path) -> None:
    """Have a commit in the bare repository; one that a killed run broke is made anew."""
    if not _has(repository, bare, commit):
        try:
            _fetch_into(repository, commit, bare)
        except FairleadError:
            shutil.rmtree(bare, ignore_errors=True)
            _fetch_into(repository, commit, bare)
    if not _has(repository, bare, commit):
        raise FairleadError(f"{repository.url} has no commit {commit}")


def _fetch_into(repository: Repository, commit: str, bare: Path) -> None:
    if not (bare / "HEAD").is_file():
        shutil.rmtree(bare, ignore_errors=True)
        _git(repository, "init", "--quiet", "--bare", "--template=", str(bare))
    fetch = ("-C", str(bare), "fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
    try:
        _git(repository, *fetch, "--depth=1", "--", repository.url, commit)
    except FairleadError:
        # Some servers hand out only what a name leads to.
        every = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        _git(repository, *fetch, "--", repository.url, *every)


def _has(repository: Repository, bare: Path, commit: str) -> bool:
    if not (bare / "HEAD").is_file():
        return False
    try:
        _git(repository, "-C", str(bare), "cat-file", "-e", f"{commit}^{{commit}}", environment=_ALONE)
    except FairleadError:
        return False
    return True


def _check_out(repository: Repository, commit: str, bare: Path, root: Path) -> None:
    """Write the files of a commit; the folder appears when all of them are there."""
    listing = ("ls-tree", "-r", "-z", "--full-tree", commit)
    listed = _git(repository, "-C", str(bare), *listing, environment=_ALONE)
    for entry in listed.split("\0"):
        if entry.startswith(_LINK):
            path = entry.partition("\t")[2]
            raise FairleadError(f"{repository.url}: {path!r} is a submodule, and those are not fetched")
    root.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".new-") as scratch:
        files = Path(scratch, "files")
        files.mkdir()
        alone = {**_ALONE, "GIT_INDEX_FILE": str(Path(scratch, "index"))}
        where = (f"--git-dir={bare}", f"--work-tree={files}", "-c", "core.bare=false")
        _git(repository, *where, "read-tree", commit, environment=alone)
        _git(repository, *where, "checkout-index", "--all", "--force", environment=alone, folder_=files)
        files.rename(root)


def _forget(trees: Path) -> None:
    """Remove the checkouts that were not used for longest."""
    known = [each for each in trees.iterdir() if not each.name.startswith(".")]
    for old in sorted(known, key=lambda each: each.stat().st_mtime, reverse=True)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _git(
    repository: Repository,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder_: Path | None = None,
) -> str:
    """Return what git says. Raises FairleadError with why it failed."""
    inherited = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    ssh = {} if "GIT_SSH_COMMAND" in inherited else {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; what the app file says is of a grammar and after --
            ["git", *_SETTINGS, *arguments],  # noqa: S607 - the git that the person uses
            env={**inherited, **ssh, **_ENVIRONMENT, **(environment or {})},
            cwd=folder_,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST,
            check=False,
        )
    except OSError as error:
        raise FairleadError(f"{repository.url}: git cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise FairleadError(f"{repository.url}: git took longer than {_LONGEST:g} s") from error
    if done.returncode:
        raise FairleadError(f"{repository.url}: {_why(done.stderr.decode(errors='replace'))}")
    return done.stdout.decode(errors="surrogateescape")


def _why(said: str) -> str:
    """Return the lines of git's that say why, as one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "ssh:", "remote:"))]
    return "git failed: " + "; ".join(dict.fromkeys(telling[:3] or lines[:3]))
