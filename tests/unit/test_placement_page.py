# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/placement.md says what the commands say: its example is run as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from fairlead.cli import main
from tests.playbook import ROOT

PAGE = (ROOT / "docs" / "placement.md").read_text()
FILES = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = re.findall(r"```console\n\$ fairlead ([^\n]*fleet\.yml[^\n]*)\n(.*?)```", PAGE, re.DOTALL)


def untimed(text: str) -> str:
    return re.sub(r"\(\d+ ms\)", "(… ms)", text)


@pytest.mark.parametrize(("command", "answer"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_the_example_answers_as_it_is_written(
    command: str,
    answer: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)) in {0, 2}
    assert untimed(capsys.readouterr().out) == untimed(answer)


def test_the_page_shows_files_and_answers() -> None:
    assert {*FILES} == {"fleet.yml", "apps/shop.yml", "apps/blog.yml"}
    assert len(COMMANDS) == 4


def test_every_command_of_the_page_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"^\$ fairlead (\w+)", PAGE, re.MULTILINE))
    for command in named:
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert end.value.code == 0
    assert named == {"plan", "check", "capacity", "rebalance", "simulate"}
    assert capsys.readouterr().err == ""
