# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the command line speaks, and in which colour."""

from __future__ import annotations

import sys

import pytest

from fairlead.output import Output, painted

PLAN = "plan for shop\n  n1\n    + shop.web.1  new\n    = shop.web.2  kept\n    - shop.web.3  gone\n"


def as_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_colour_marks_what_starts_and_stops() -> None:
    assert painted(PLAN).count("\x1b[") == 4
    assert "\x1b[32m    + shop.web.1  new\x1b[0m\n" in painted(PLAN)
    assert "\n    = shop.web.2  kept\n" in painted(PLAN)


def test_colour_is_for_terminals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Output().answer({}, PLAN)
    assert "\x1b" not in capsys.readouterr().out
    as_terminal(monkeypatch)
    Output().answer({}, PLAN)
    assert "\x1b[32m" in capsys.readouterr().out


def test_no_color_and_json_are_never_coloured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_terminal(monkeypatch)
    Output(as_json=True).answer({"text": "  + a"}, PLAN)
    assert capsys.readouterr().out == '{\n  "text": "  + a"\n}\n'
    monkeypatch.setenv("NO_COLOR", "1")
    Output().answer({}, PLAN)
    assert "\x1b" not in capsys.readouterr().out


def test_progress_is_one_line_on_a_terminal_and_goes_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Output()
    output.progress("Look")
    assert capsys.readouterr().err == "… Look\n"
    as_terminal(monkeypatch)
    output.progress("Look")
    output.error("n3 cannot be reached")
    said = capsys.readouterr()
    assert said.err == "\r\x1b[K… Look\r\x1b[Kfairlead: n3 cannot be reached\n"
    assert said.out == ""


def test_quiet_leaves_only_errors(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(quiet=True)
    output.progress("Look")
    output.warn("public address")
    output.error("no")
    assert capsys.readouterr().err == "fairlead: no\n"
