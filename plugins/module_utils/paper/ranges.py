# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of many machines in one, as inventories of Ansible have them: ``w[001:100]``, ``rack-[a:f]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_letters

MOST = 100_000  # nodes of one file
NAME_HELP = "letters, digits and . _ - such as n1, or a range such as n[1:9], n[001:100] or rack-[a:f]"

_RANGE = re.compile(r"\[([0-9]{1,9}|[A-Za-z]):([0-9]{1,9}|[A-Za-z])(?::([0-9]{1,9}))?\]", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)


def expand(text: str) -> list[str]:
    """Return the names that the text stands for, in order. Raises ValueError with what is expected."""
    if _count(text) > MOST:
        raise ValueError(f"at most {MOST} nodes")
    names = [*_expanded(text)]
    if not all(_NAME.fullmatch(name) for name in names):
        raise ValueError(NAME_HELP)
    return names


def _count(text: str) -> int:
    count = 1
    for match in _RANGE.finditer(text):
        count *= len(_steps(match))
    return count


def _expanded(text: str) -> Iterator[str]:
    match = _RANGE.search(text)
    if match is None:
        yield text
        return
    for step in _steps(match):
        for rest in _expanded(text[match.end() :]):
            yield f"{text[: match.start()]}{_spelled(step, match[1])}{rest}"


def _steps(match: re.Match[str]) -> range:
    """Return the numbers of a range, or the places of its letters in the alphabet."""
    first, last, step = match[1], match[2], int(match[3] or 1)
    if first.isdigit() != last.isdigit():
        raise ValueError("two numbers or two letters in a range")
    begin, end = (int(it) if it.isdigit() else ascii_letters.index(it) for it in (first, last))
    if begin > end or not step:
        raise ValueError("a range that goes up, such as [1:9] or [a:f]")
    if first.startswith("0") and len(first) > 1 and len(first) != len(last):
        raise ValueError("as many digits at both ends of a range that begins with 0, such as [001:100]")
    return range(begin, end + 1, step)


def _spelled(step: int, first: str) -> str:
    if not first.isdigit():
        return ascii_letters[step]
    return str(step).zfill(len(first) if first.startswith("0") else 0)
