# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees while a program runs."""

from __future__ import annotations

import sys

import pytest

from fairlead.table import table
from tests.lab import progress
from tests.lab.page import lines
from tests.lab.progress import LabError, stream, streamed


def test_output_is_passed_on_and_returned(capfd: pytest.CaptureFixture[str]) -> None:
    assert streamed(["sh", "-c", "echo out; echo err >&2; exit 3"], "trying") == (3, "out\nerr\n")
    assert capfd.readouterr().out == "out\nerr\n"


def test_a_silent_program_is_reported_as_alive(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT", 0.05)
    silent = "import sys, time; time.sleep(0.4); print('done')"
    assert stream([sys.executable, "-c", silent], "thinking") == "done\n"
    assert "… thinking" in capfd.readouterr().out


def test_a_failing_program_is_an_error_that_names_the_work_and_the_exit_code() -> None:
    with pytest.raises(LabError, match=r"deploying: false … ended with 1"):
        stream(["false"], "deploying")


def test_a_table_is_aligned() -> None:
    assert table(("name", "of"), [("a", "b"), ("longer", "c")]) == (
        "  name    of\n  ------  --\n  a       b\n  longer  c"
    )


def test_a_table_without_rows_has_its_heads() -> None:
    assert table(("name",), []) == "  name\n  ----"


def test_a_page_is_shown_as_a_person_reads_it() -> None:
    page = """<html><head><title>t</title><style>a {b: c}</style></head><body><h1>hello</h1>
    <p>Two\n words</p><dl><dt>instance</dt><dd>web.1</dd></dl></body></html>"""
    assert lines(page) == ["hello", "Two words", "instance web.1"]
