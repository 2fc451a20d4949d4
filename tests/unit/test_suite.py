# SPDX-License-Identifier: GPL-3.0-or-later
"""How the make targets count what passed."""

from __future__ import annotations

import pytest

from tests.suite import Count, counted


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
