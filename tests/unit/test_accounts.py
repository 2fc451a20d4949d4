# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.trust.accounts import (
    Difference,
    difference,
    parse,
    problems,
    render,
)

FILE = "push:<one>\npull:<two>\n"


def matches(password: str, known: str) -> bool:
    return known == f"<{password}>"


def make(password: str) -> str:
    return f"<{password}>"


@pytest.mark.parametrize(
    ("text", "accounts", "expected", "after"),
    [
        ("", {"push": "one"}, Difference(("push",), (), ()), "push:<one>\n"),
        (FILE, {"push": "one", "pull": "two"}, Difference((), (), ()), "pull:<two>\npush:<one>\n"),
        (FILE, {"push": "new", "pull": "two"}, Difference((), ("push",), ()), "pull:<two>\npush:<new>\n"),
        (FILE, {"push": "one"}, Difference((), (), ("pull",)), "push:<one>\n"),
        ("rubbish\n:x\n", {"push": "one"}, Difference(("push",), (), ()), "push:<one>\n"),
    ],
)
def test_the_file_becomes_exactly_the_accounts_given(
    text: str, accounts: dict[str, str], expected: Difference, after: str
) -> None:
    found = parse(text)
    unlike = difference(found, accounts, matches)
    assert unlike == expected
    assert render(found, accounts, unlike, make) == after
    assert not difference(parse(after), accounts, matches)


def test_what_changes_is_said_without_passwords() -> None:
    said = str(difference(parse(FILE), {"push": "secret", "ci": "secret"}, matches))
    assert said == "add ci\nchange the password of push\nremove pull\n"


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        ({"push": "x", "pull": "y"}, ()),
        (
            {"pu:sh": "x"},
            ("account 'pu:sh': expected letters, digits, dots, underscores and dashes, at most 64",),
        ),
        (
            {"a\nroot": "x"},
            ("account 'a\\nroot': expected letters, digits, dots, underscores and dashes, at most 64",),
        ),
        ({"push": ""}, ("account 'push': its password is empty",)),
        ({"push": "x" * 73}, ("account 'push': its password is longer than 72 bytes",)),
    ],
)
def test_accounts_that_cannot_be_are_said(accounts: dict[str, str], said: tuple[str, ...]) -> None:
    assert problems(accounts) == said
