# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reliability.md has a row for every fault, and its figures are measured ones."""

from __future__ import annotations

import pytest

from tests.faults.case import Case, Measured, Met
from tests.faults.cases import TABLE
from tests.faults.kills import SIGNALS, VERBS, boundaries, covering, product
from tests.faults.table import PAGE, rendered

CASES = [case for cases in TABLE.values() for case in cases]
FAILED = """
TASK [Look at every machine] ***
ok: [n1]

TASK [Plan] ****
fatal: [n1 -> m1(198.18.0.10)]: FAILED! => probe
"""


def test_every_fault_has_a_row_and_no_two_one_name() -> None:
    rows = {line.split(" | ")[0].removeprefix("| ") for line in PAGE.read_text().splitlines()}
    assert {case.title for case in CASES} <= rows
    assert len({case.name for case in CASES}) == len(CASES)


def test_each_signal_meets_each_verb_and_every_task_of_it_has_its_kill() -> None:
    kills = [kill for kill in covering() if not kill.alone]
    for verb in VERBS:
        ours = [kill for kill in kills if kill.verb == verb]
        assert {kill.by for kill in ours} == set(SIGNALS)
        assert [(kill.task, kill.times) for kill in ours] == list(boundaries(verb))
    assert len(kills) + len(list(product())) == sum(len(verb.tasks) for verb in VERBS) * len(SIGNALS)


def test_what_a_run_said_is_read_from_its_first_error() -> None:
    met = Met(2, FAILED)
    assert (met.host, met.step) == ("m1", "Plan")
    assert (Met(0, "TASK [Plan] ***").host, Met(0, "TASK [Plan] ***").step) == ("", "")


@pytest.mark.parametrize(("held", "words"), [(True, "| 1 |"), (False, "1 DID NOT HOLD")])
def test_a_row_says_what_was_measured(held: bool, words: str) -> None:  # noqa: FBT001 - pytest gives it
    case: Case = CASES[0]
    result = Measured(case.title, "any", held, requests=1234, failed=2, rc=0, starts_after=3.21, repairs=1)
    lines = rendered([vars(result)]).splitlines()
    [row] = [line for line in lines if line.startswith(f"| {case.title} |")]
    assert "2 of 1,234 | ends well | 3.2 s" in row
    assert words in row
