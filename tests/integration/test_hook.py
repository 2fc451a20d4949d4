# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's own programs around a deploy, as a playbook calls them: real files on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_rig import ansible


class Repository:
    """A folder with hooks beside its apps."""

    def __init__(self, root: Path) -> None:
        self.root, self.hooks = root, root / "hooks"
        self.hooks.mkdir()

    def write(self, hook: str, text: str, mode: int = 0o755) -> None:
        (self.hooks / hook).write_text(text)
        (self.hooks / hook).chmod(mode)

    def run(self, hook: str, *flags: str) -> dict[str, Any]:
        given: dict[str, Any] = {"hook": hook, "folder": str(self.root / "apps/../hooks")}
        given |= {"app": "shop", "kind": "rollback", "release": 4, "nodes": ["n1", "n3"]}
        return ansible("hook", given, *flags)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "apps").mkdir()
    return Repository(tmp_path)


@pytest.fixture(autouse=True)
def performer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_PERFORMER", "ada")


def test_a_hook_finds_what_is_deployed_and_where_it_stands(repository: Repository) -> None:
    repository.write(
        "pre_deploy",
        "#!/bin/sh\n"
        "echo $FAIRLEAD_KIND $FAIRLEAD_APP $FAIRLEAD_RELEASE by $FAIRLEAD_PERFORMER on $FAIRLEAD_HOSTS\n"
        "pwd >&2\nread word; echo no word: $word\n",
    )
    ran = repository.run("pre_deploy")
    assert ran["lines"] == ["rollback shop v4 by ada on n1,n3", str(repository.root), "no word:"]
    assert (ran["changed"], ran.get("failed", False)) == (False, False)


def test_no_hook_is_fine(repository: Repository) -> None:
    assert repository.run("post_deploy")["skipped"] is True
    repository.hooks.rmdir()
    assert repository.run("pre_deploy")["skipped"] is True


def test_a_failed_pre_deploy_fails_with_its_last_lines(repository: Repository) -> None:
    repository.write("pre_deploy", "#!/bin/sh\nseq 1 25\necho no freeze today >&2\nexit 3\n")
    ran = repository.run("pre_deploy")
    assert ran["failed"] is True
    head, *lines = ran["msg"].splitlines()
    assert head == "nothing was deployed. hooks/pre_deploy exited with code 3; its last lines:"
    assert lines == [*map(str, range(7, 26)), "no freeze today"]


def test_a_failed_post_deploy_is_a_warning(repository: Repository) -> None:
    repository.write("post_deploy", "#!/bin/sh\necho nobody listens\nkill -9 $$\n")
    ran = repository.run("post_deploy")
    assert ran.get("failed", False) is False
    assert ran["warnings"] == [
        "shop is deployed, but hooks/post_deploy was ended by signal 9; its last lines:\nnobody listens"
    ]


def test_check_mode_runs_no_hook(repository: Repository) -> None:
    repository.write("pre_deploy", "#!/bin/sh\ntouch ran\n")
    assert repository.run("pre_deploy", "--check")["skipped"] is True
    assert not (repository.root / "ran").exists()


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("#!/bin/sh\n", 0o644, "hooks/pre_deploy is not an executable file: chmod +x it, or remove it"),
        ("echo hello\n", 0o755, "hooks/pre_deploy cannot be run: Exec format error; has it a first line"),
        ("#!/no/such/program\n", 0o755, "hooks/pre_deploy cannot be run: No such file or directory"),
    ],
)
def test_what_is_no_program_is_said(repository: Repository, text: str, mode: int, words: str) -> None:
    repository.write("pre_deploy", text, mode)
    ran = repository.run("pre_deploy")
    assert ran["failed"] is True
    assert words in ran["msg"]
    assert "Traceback" not in ran["output"]


def test_a_link_that_leads_nowhere_is_not_taken_for_no_hook(repository: Repository) -> None:
    (repository.hooks / "pre_deploy").symlink_to("gone")
    assert "is not an executable file" in repository.run("pre_deploy")["msg"]


def test_no_variable_of_the_inventory_reaches_a_hook(repository: Repository) -> None:
    repository.write("pre_deploy", "#!/bin/sh\nenv; cat /proc/$$/cmdline\n")
    ran = repository.run("pre_deploy", "-e", "fairlead_secret_of_a_test=canary-1f0b")
    assert ran["lines"]
    assert "canary-1f0b" not in "".join(ran["lines"])
