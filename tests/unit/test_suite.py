# SPDX-License-Identifier: GPL-3.0-or-later
"""How the make targets count what passed, and what they run side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest

from tests.suite import Check, Count, counted, run


@pytest.mark.parametrize(
    ("output", "code", "expected"),
    [
        pytest.param("All checks passed!\n", 0, Count(passed=1), id="a check that is no test is one"),
        pytest.param("E501 line too long\n", 1, Count(failed=1), id="and one when it fails"),
        pytest.param("....\n4 passed in 0.12s\n", 0, Count(passed=4), id="pytest, quiet"),
        pytest.param("=== 4 passed in 0.12s ===\n", 0, Count(passed=4), id="pytest"),
        pytest.param("1 failed, 3 passed, 2 skipped in 61.20s (0:01:01)\n", 1, Count(3, 1, 2), id="mixed"),
        pytest.param("2 passed, 1 error in 1.0s\n", 1, Count(2, 1), id="an error is a failure"),
        pytest.param("\x1b[32m5 passed\x1b[0m\x1b[32m in 1.00s\x1b[0m\n", 0, Count(5), id="in colour"),
        pytest.param("1 passed in 1.0s\n2 passed in 1.0s\n", 0, Count(3), id="molecule runs pytest twice"),
        pytest.param("2 passed in 1.0s\nboom\n", 2, Count(2, 1), id="failed after its tests"),
        pytest.param("no tests ran in 0.01s\n", 5, Count(failed=1), id="no tests is a failure"),
    ],
)
def test_a_check_is_counted(output: str, code: int, expected: Count) -> None:
    assert counted(output, code) == expected


MEET = """
import sys, time
from pathlib import Path
mine, other = map(Path, sys.argv[1:])
mine.touch()
until = time.monotonic() + 20
while not other.exists():
    assert time.monotonic() < until, f"{other.name} was not begun beside {mine.name}"
    time.sleep(0.01)
"""


def meets(name: str, other: str, at: Path, needs: Literal["engine", "fleet"]) -> Check:
    """Return a check that passes if the other one is begun before it ends."""
    return Check(name, (sys.executable, "-c", MEET, str(at / name), str(at / other)), at, needs)


def exits(code: int, needs: Literal["nothing", "engine", "fleet"], mark: Path) -> Check:
    program = f"import pathlib, sys; pathlib.Path({str(mark)!r}).touch(); sys.exit({code})"
    return Check(mark.name, (sys.executable, "-c", program), mark.parent, needs)


def test_what_has_machines_of_its_own_runs_beside_the_fleet(tmp_path: Path) -> None:
    checks = [meets("one", "two", tmp_path, "engine"), meets("two", "one", tmp_path, "fleet")]
    assert run(checks) == Count(passed=2)


def test_without_the_fleet_two_such_checks_run_at_once(tmp_path: Path) -> None:
    checks = [meets("one", "two", tmp_path, "engine"), meets("two", "one", tmp_path, "engine")]
    assert run(checks) == Count(passed=2)


def test_what_needs_nothing_comes_first_and_nothing_is_begun_after_a_failure(tmp_path: Path) -> None:
    later = [exits(0, "fleet", tmp_path / "fleet"), exits(0, "engine", tmp_path / "own")]
    assert run([*later, exits(1, "nothing", tmp_path / "first")]) == Count(failed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_the_fleet_is_for_one_check_after_the_other(tmp_path: Path) -> None:
    checks = [exits(3, "fleet", tmp_path / "first"), exits(0, "fleet", tmp_path / "second")]
    assert run(checks) == Count(failed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
