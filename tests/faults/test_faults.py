# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of the table, held to the same oracles."""

from __future__ import annotations

import pytest

from tests.faults.case import Case
from tests.faults.cases import TABLE
from tests.faults.harness import examine
from tests.faults.scene import Scene


@pytest.mark.parametrize(
    ("group", "case"),
    [
        pytest.param(group, case, id=case.name, marks=[pytest.mark.quick] if case.quick else [])
        for group, cases in TABLE.items()
        for case in cases
    ],
)
def test_fault(scene: Scene, group: str, case: Case) -> None:
    examine(scene, group, case)
