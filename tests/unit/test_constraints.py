# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions over a node's labels and facts: what they hold for, how they are kept, and bad ones."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.app.fields import EXPRESSION
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import (
    BUILT_IN,
    CONSTRAINT_HELP,
    LABEL_HELP,
    Constraint,
    built_in_like,
    parse_constraint,
    parse_label,
)

A_VALUE = "a value: at most 63 letters, digits and . _ / + ~ -"
FACTS = {
    "disk": "ssd",
    "cores": "16",
    "zone": "a",
    "rack": "",
    "engine_version": "20.10.24+dfsg1",
    "arch": "x86_64",
    "node": "n1",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("disk == ssd", True),
        ("disk == hdd", False),
        ("disk != ssd", False),
        ("disk != hdd", True),
        ("zone in [a, b]", True),
        ("zone in [b, c]", False),
        ("zone not in [b, c]", True),
        ("zone not in [a]", False),
        ("disk", True),
        ("rack", True),
        ("not disk", False),
        ("node == n1", True),
        ("node not in [n1, n2]", False),
        ("arch == x86_64", True),
        ("engine_version == 20.10.24+dfsg1", True),
        # a node without the label
        ("gpu", False),
        ("not gpu", True),
        ("gpu == a", False),
        ("gpu != a", True),
        ("gpu in [a]", False),
        ("gpu not in [a]", True),
        ("gpu < 1", False),
        ("gpu >= 0", False),
    ],
)
def test_what_an_expression_holds_for(text: str, holds: bool) -> None:  # noqa: FBT001
    assert parse_constraint(text).allows(FACTS) == holds


@pytest.mark.parametrize(
    ("value", "holding", "not_holding"),
    [
        ("16", ["> 8", ">= 16", "<= 16.0", "< 100", ">= 16.0.0"], ["> 16", "< 16", ">= 16.1", "< 2"]),
        ("20.10.24", [">= 20.10", "> 20.10", "< 20.11", "< 26", ">= 9"], ["<= 20.10", "> 20.10.24"]),
        ("20.10.24+dfsg1", [">= 20.10.24", "<= 20.10.24"], ["> 20.10.24"]),
        ("26.1.5+dfsg1~1", [">= 20.10", "> 26.1"], ["< 26.1.5"]),
        ("18.09.1-ce", [">= 18.9", "< 18.10"], ["> 18.9.1"]),
        ("0", [">= 0", "<= 0.0"], ["> 0", "< 0"]),
        *(
            (word, [], ["< 1", ">= 0"])
            for word in ("", "many", "8G", "-1", "1.", "10-20", "1e3", "٣", " 8", "9" * 5000)
        ),
    ],
)
def test_numbers_are_compared_part_by_part(value: str, holding: list[str], not_holding: list[str]) -> None:
    facts = {"size": value}
    assert all(parse_constraint(f"size {each}").allows(facts) for each in holding)
    assert not any(parse_constraint(f"size {each}").allows(facts) for each in not_holding)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("disk==ssd", "disk == ssd"),
        ("  disk\t!=\nssd ", "disk != ssd"),
        ("zone in[a,b]", "zone in [a, b]"),
        ("zone  not  in [ a , b ]", "zone not in [a, b]"),
        ("cores>=8", "cores >= 8"),
        (" gpu ", "gpu"),
        ("not  gpu", "not gpu"),
        ("zone == in", "zone == in"),
        ("example.com/team-a == not", "example.com/team-a == not"),
    ],
)
def test_each_is_kept_in_one_way(text: str, kept: str) -> None:
    assert str(parse_constraint(text)) == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", CONSTRAINT_HELP),
        ("  ", CONSTRAINT_HELP),
        (
            "disk = ssd",
            '==, !=, <, <=, >, >=, in or not in, at column 6, where "=" stands',
        ),
        ("disk === ssd", '==, !=, <, <=, >, >=, in or not in, at column 6, where "===" stands'),
        ("disk is ssd", '==, !=, <, <=, >, >=, in or not in, at column 6, where "is" stands'),
        ("disk == ", f"{A_VALUE}, at column 8, where it ends"),
        ('disk == "a"', rf'{A_VALUE}, at column 9, where "\"a\"" stands'),
        ("disk == a b", 'the end, at column 11, where "b" stands'),
        ("disk == a and zone == b", 'the end, at column 11, where "and" stands'),
        ("== ssd", f'{LABEL_HELP}, at column 1, where "==" stands'),
        ("not", f"{LABEL_HELP}, at column 4, where it ends"),
        ("not in [a]", f'{LABEL_HELP}, at column 5, where "in" stands'),
        ("not gpu == a", 'the end, at column 9, where "==" stands'),
        ("zone not [a]", 'in, after not, at column 10, where "[" stands'),
        ("zone in a, b", 'a list such as [a, b], at column 9, where "a" stands'),
        ("zone in []", f'{A_VALUE}, at column 10, where "]" stands'),
        ("zone in [a b]", 'a comma or ], at column 12, where "b" stands'),
        ("zone in [a,", f"{A_VALUE}, at column 12, where it ends"),
        ("zone in [a", "a comma or ], at column 11, where it ends"),
        ("cores >= eight", 'a number such as 8 or 20.10, at column 10, where "eight" stands'),
        ("cores >= -8", 'a number such as 8 or 20.10, at column 10, where "-8" stands'),
        ("cores > 8G", 'a number such as 8 or 20.10, at column 9, where "8G" stands'),
        ("-gpu", f'{LABEL_HELP}, at column 1, where "-gpu" stands'),
        ("a" * 64, f'{LABEL_HELP}, at column 1, where "aaaaaaaaaaaaaaaaaaaa…" stands'),
        ("gpu\u00a0== a", f'{LABEL_HELP}, at column 1, where "gpu\\u00a0" stands'),
        (
            "engine-version",
            'engine_version, as that fact is written, at column 1, where "engine-version" stands',
        ),
        ("not Arch", 'arch, as that fact is written, at column 5, where "Arch" stands'),
    ],
)
def test_what_does_not_parse_is_said_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        parse_constraint(text)


LABELS = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._/-]{0,8}[A-Za-z0-9])?\Z").filter(
    lambda text: text not in ("in", "not") and built_in_like(text) is None
) | st.sampled_from(BUILT_IN)
VALUES = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._/+~-]{0,8}[A-Za-z0-9])?\Z")
NUMBERS = st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){0,3}\Z")
ONE = VALUES.map(lambda value: (value,))
SEVERAL = st.lists(VALUES, min_size=1, max_size=4).map(tuple)
CONSTRAINTS = st.one_of(
    st.builds(Constraint, LABELS, st.sampled_from(["==", "!="]), ONE),
    st.builds(Constraint, LABELS, st.sampled_from(["in", "not in"]), SEVERAL),
    st.builds(Constraint, LABELS, st.sampled_from(["<", "<=", ">", ">="]), NUMBERS.map(lambda n: (n,))),
    st.builds(Constraint, LABELS, st.sampled_from(["present", "absent"])),
)
PIECES = st.sampled_from(
    ["zone", "not", "in", "[", "]", ",", "==", "!=", "<", ">=", "=", " ", "\n", "8", "20.10", "é", '"', "-"]
)
TEXTS = st.text() | st.lists(PIECES, max_size=10).map("".join) | CONSTRAINTS.map(str)


@given(CONSTRAINTS)
def test_what_is_written_is_read_as_the_same(constraint: Constraint) -> None:
    assert parse_constraint(str(constraint)) == constraint
    assert len({constraint, parse_constraint(str(constraint))}) == 1


@given(TEXTS, st.dictionaries(LABELS, st.text(), max_size=3))
def test_nothing_but_a_value_error_is_ever_raised(text: str, facts: dict[str, str]) -> None:
    with suppress(ValueError):
        constraint = parse_constraint(text)
        assert constraint.allows(facts) in (True, False)
        assert parse_constraint(str(constraint)) == constraint
        assert re.search(EXPRESSION, text)  # what a run takes, editors take


@given(CONSTRAINTS, st.dictionaries(LABELS, VALUES | NUMBERS, max_size=3))
def test_opposites_are_opposite(constraint: Constraint, facts: dict[str, str]) -> None:
    opposite = {"==": "!=", "in": "not in", "present": "absent"}.get(constraint.operator)
    if opposite:
        other = Constraint(constraint.label, opposite, constraint.values)
        assert constraint.allows(facts) != other.allows(facts)


@pytest.mark.parametrize("label", ["zone", "a", "example.com/x_y", *BUILT_IN])
def test_labels(label: str) -> None:
    assert parse_label(label) == label


@pytest.mark.parametrize("label", ["", "in", "not", "a b", "-a", "a-", "Node", "engine.version", "a\n"])
def test_no_labels(label: str) -> None:
    with pytest.raises(ValueError, match=r"^(a label: at most 63|(node|engine_version), as that fact is)"):
        parse_label(label)
