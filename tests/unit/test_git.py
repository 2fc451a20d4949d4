# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits of real repositories, by way of ssh whose other end is on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import choose
from ansible_collections.fairlead.paas.plugins.module_utils.source.git import Repository, checkout

# What git starts instead of ssh: it drops the options and the host, and carries out the rest here.
SSH = """#!/bin/sh
echo "$@" >> "$LOG"
while [ $# -gt 1 ]; do shift; done
exec sh -c "$1"
"""


class Remote:
    """A repository with a commit, and what reaches it."""

    def __init__(self, root: Path, url: str, log: Path) -> None:
        self.root, self.url, self._log = root, url, log

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")
        return subprocess.run(
            ["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, name: str, text: str) -> str:
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)
        return self.git("rev-parse", "HEAD")

    def connections(self) -> int:
        return len(self._log.read_text().splitlines()) if self._log.exists() else 0


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    ssh, log, root = tmp_path / "ssh", tmp_path / "log", tmp_path / "remote"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    root.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    monkeypatch.setenv("LOG", str(log))
    found = Remote(root, f"ssh://host{root}", log)
    found.git("init", "--quiet", "--initial-branch=main")
    found.commit("index.html", "one")
    return found


def test_a_branch_is_asked_for_each_time(remote: Remote) -> None:
    first = checkout(Repository(remote.url, "main"))
    assert (first.root / "index.html").read_text() == "one"
    assert sorted(each.name for each in first.root.iterdir()) == ["index.html"]
    asked = remote.connections()
    assert checkout(Repository(remote.url)) == first
    assert remote.connections() == asked + 1
    second = remote.commit("index.html", "two")
    assert checkout(Repository(remote.url)).commit == second
    assert (checkout(Repository(remote.url)).root / "index.html").read_text() == "two"
    assert (first.root / "index.html").read_text() == "one"


def test_one_run_is_about_one_commit(remote: Remote, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    first = checkout(Repository(remote.url, "main"), run)
    remote.commit("index.html", "two")
    asked = remote.connections()
    assert checkout(Repository(remote.url, "main"), run) == first
    assert remote.connections() == asked
    assert checkout(Repository(remote.url, "main")) != first


@pytest.mark.parametrize("annotated", [True, False])
def test_a_tag_and_a_commit(remote: Remote, *, annotated: bool) -> None:
    commit = remote.git("rev-parse", "HEAD")
    remote.git("tag", *(["--annotate", "--message=x"] if annotated else []), "v1")
    remote.commit("index.html", "two")
    assert checkout(Repository(remote.url, "v1")).commit == commit
    asked = remote.connections()
    assert (checkout(Repository(remote.url, commit)).root / "index.html").read_text() == "one"
    assert remote.connections() == asked


def test_a_commit_that_no_name_leads_to_any_more(remote: Remote) -> None:
    first = remote.git("rev-parse", "HEAD")
    remote.commit("index.html", "two")
    assert checkout(Repository(remote.url, first)).commit == first


def test_what_a_killed_fetch_left_is_made_anew(remote: Remote, tmp_path: Path) -> None:
    checkout(Repository(remote.url))
    (place,) = (each for each in (tmp_path / "cache/fairlead/git").iterdir() if each.is_dir())
    (place / "repository/shallow.lock").touch()
    (place / "trees/.new-killed").mkdir()
    second = remote.commit("index.html", "two")
    assert checkout(Repository(remote.url)).commit == second


def test_nothing_of_a_repository_is_carried_out(remote: Remote, tmp_path: Path) -> None:
    touch = f"touch {tmp_path}/ran; cat"
    remote.git("config", "filter.bad.smudge", touch)
    config = tmp_path / "gitconfig"
    config.write_text(f'[filter "bad"]\n\tsmudge = {touch!r}\n'.replace("'", '"'))
    os.environ["GIT_CONFIG_GLOBAL"] = str(config)
    try:
        remote.commit(".gitattributes", "*.html filter=bad\n")
        assert (checkout(Repository(remote.url)).root / "index.html").read_text() == "one"
    finally:
        del os.environ["GIT_CONFIG_GLOBAL"]
    assert not (tmp_path / "ran").exists()


def _submodule(remote: Remote) -> None:
    remote.git("submodule", "--quiet", "add", str(remote.root), "sub")
    remote.git("commit", "--quiet", "--message", "sub")


@pytest.mark.parametrize(
    ("prepare", "ref", "words"),
    [
        (lambda _: None, "nothing", "has no nothing; expected a branch, a tag or a whole commit"),
        (lambda _: None, "0" * 40, f"has no commit {'0' * 40}"),
        (_submodule, "main", "'sub' is a submodule, and those are not fetched"),
    ],
)
def test_what_is_refused(remote: Remote, prepare: Callable[[Remote], None], ref: str, words: str) -> None:
    prepare(remote)
    with pytest.raises(FairleadError) as error:
        checkout(Repository(remote.url, ref))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_this_machine_is_no_repository(remote: Remote) -> None:
    with pytest.raises(FairleadError, match="transport 'file' not allowed"):
        checkout(Repository(f"file://{remote.root}"))


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    (tmp_path / "apps").mkdir()
    return tmp_path / "apps"


def write(apps: Path, git: str) -> None:
    text = f"app: shop\nbuild:\n  git: {git}\nprocesses: {{web: {{port: 80}}}}\n"
    (apps / "shop.yml").write_text(text)


def test_an_app_from_a_commit(remote: Remote, apps: Path) -> None:
    write(apps, f"{{url: '{remote.url}'}}")
    choice = choose(read_catalog(apps).require("shop"), {})
    assert choice
    assert choice.runtime
    assert (choice.runtime.name, choice.source.revision) == ("static", remote.git("rev-parse", "HEAD"))
    first = choice.source.hash()
    remote.commit("other/Dockerfile", "FROM scratch\n")
    write(apps, f"{{url: '{remote.url}', path: other}}")
    choice = choose(read_catalog(apps).require("shop"), {})
    assert choice
    assert (choice.runtime, choice.dockerfile) == (None, "FROM scratch\n")
    assert choice.source.revision == remote.git("rev-parse", "HEAD")
    # Another commit with the same files is the same image.
    remote.git("commit", "--quiet", "--allow-empty", "--message", "nothing")
    again = choose(read_catalog(apps).require("shop"), {})
    assert again
    assert again.source.hash() == choice.source.hash() != first


def test_paths_of_a_commit_that_are_none(remote: Remote, apps: Path, tmp_path: Path) -> None:
    (remote.root / "out").symlink_to(tmp_path)
    remote.commit("x", "x")
    for path in ("nowhere", "out", "x"):
        write(apps, f"{{url: '{remote.url}', path: {path}}}")
        with pytest.raises(Refused, match=r"build.git.path: is no directory of the commit"):
            choose(read_catalog(apps).require("shop"), {})


def test_a_repository_that_cannot_be_reached_is_said_where_it_is_named(remote: Remote, apps: Path) -> None:
    write(apps, f"{{url: '{remote.url}nowhere'}}")
    with pytest.raises(Refused) as error:
        choose(read_catalog(apps).require("shop"), {})
    assert str(error.value).startswith(
        f"apps/shop.yml:3:8 build.git: {remote.url}nowhere: git failed: fatal: "
    )
