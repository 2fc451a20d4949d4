# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions over what is known of a node: ``disk == ssd``, ``zone in [a, b]``, ``cores >= 8``, ``not gpu``.

They are about the labels that the inventory gives, and about what each machine says of itself.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

BUILT_IN = ("arch", "engine_version", "node")
"""The facts of every machine: its architecture, its engine's version, its name in the inventory."""

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?"
VALUE = r"[A-Za-z0-9](?:[A-Za-z0-9._/+~-]{0,61}[A-Za-z0-9])?"
NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,18}){0,7}"

CONSTRAINT_HELP = 'an expression such as "disk == ssd", "zone in [a, b]", "cores >= 8", "gpu" or "not gpu"'
LABEL_HELP = "a label: at most 63 letters, digits and . _ / -"
_VALUE_HELP = "a value: at most 63 letters, digits and . _ / + ~ -"
_NUMBER_HELP = "a number such as 8 or 20.10"

_LABEL = re.compile(LABEL, re.ASCII)
_VALUE = re.compile(VALUE, re.ASCII)
_NUMBER = re.compile(NUMBER, re.ASCII)
_MEASURED = re.compile(rf"({NUMBER})(?:[+~].*|-[A-Za-z].*)?", re.ASCII | re.DOTALL)  # 20.10.24+dfsg1
_TOKEN = re.compile(r"[<>=!]+|[\[\],]|[^\s\[\],<>=!]+", re.ASCII)
_JOINTS = re.compile(r"[._/-]", re.ASCII)
_RESERVED = ("in", "not")
_SHOWN = 20  # characters of a token that an error repeats

_Test = Callable[[str | None, tuple[str, ...]], bool]


@dataclass(frozen=True)
class Constraint:
    """One test of one fact. ``values`` is empty where only presence or absence is asked for.

    A node without the fact meets ``!=``, ``not in`` and ``not``, and nothing else.
    """

    label: str
    operator: str  # == != in, not in, < <= > >=, or present, absent
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the expression in the one way in which each is kept."""
        match self.operator:
            case "present":
                return self.label
            case "absent":
                return f"not {self.label}"
            case "in" | "not in":
                return f"{self.label} {self.operator} [{', '.join(self.values)}]"
        return f"{self.label} {self.operator} {self.values[0]}"

    def allows(self, facts: Mapping[str, str]) -> bool:
        """Say whether a node with these facts may be used."""
        return _TESTS[self.operator](facts.get(self.label), self.values)


@lru_cache(maxsize=4096)
def parse_constraint(text: str) -> Constraint:
    """Return the constraint written in the text.

    Raises ValueError with what is expected, at which column of the text, from 1, and what stands there.
    """
    reading = _Reading(text)
    if not reading.token:
        raise ValueError(CONSTRAINT_HELP)
    constraint = _absence(reading) if reading.skips("not") else _comparison(reading)
    if reading.token:
        raise reading.wrong("the end")
    return constraint


def parse_label(text: str) -> str:
    """Return a label's or a built-in fact's name. Raises ValueError with what is expected."""
    if not _LABEL.fullmatch(text) or text in _RESERVED:
        raise ValueError(LABEL_HELP)
    fact = built_in_like(text)
    if fact not in (None, text):
        raise ValueError(f"{fact}, as that fact is written")
    return text


def built_in_like(label: str) -> str | None:
    """Return the built-in fact that a label is, or is easily taken for, such as ``Engine-Version``."""
    return _SQUASHED.get(_squashed(label))


def _squashed(word: str) -> str:
    return _JOINTS.sub("", word).lower()


_SQUASHED = {_squashed(fact): fact for fact in BUILT_IN}


class _Reading:
    """What is left to read of an expression, token by token."""

    def __init__(self, text: str) -> None:
        found = [*_TOKEN.finditer(text)]
        self._tokens = [(match[0], match.start() + 1) for match in found]
        self._tokens.append(("", found[-1].end() + 1 if found else 1))
        self._at = 0

    @property
    def token(self) -> str:
        """What stands next; empty at the end."""
        return self._tokens[self._at][0]

    def skips(self, token: str) -> bool:
        """Go past what stands next if it is this token, and say whether it was."""
        found = self.token == token
        self._at += found
        return found

    def take(self, pattern: re.Pattern[str], expected: str) -> str:
        """Go past what stands next, and return it. Raises ValueError if it is not of this form."""
        token = self.token
        if not pattern.fullmatch(token):
            raise self.wrong(expected)
        self._at += 1
        return token

    def label(self) -> str:
        """Go past a label, and return it. Raises ValueError if none stands here."""
        try:
            label = parse_label(self.token)
        except ValueError as error:
            raise self.wrong(str(error)) from None
        self._at += 1
        return label

    def wrong(self, expected: str) -> ValueError:
        """Return the error that something else is expected here."""
        token, column = self._tokens[self._at]
        short = token if len(token) <= _SHOWN else token[:_SHOWN] + "…"
        there = f"{json.dumps(short, ensure_ascii=not short.isprintable())} stands" if token else "it ends"
        return ValueError(f"{expected}, at column {column}, where {there}")


def _absence(reading: _Reading) -> Constraint:
    return Constraint(reading.label(), "absent")


def _comparison(reading: _Reading) -> Constraint:
    label = reading.label()
    if not reading.token:
        return Constraint(label, "present")
    if reading.skips("in"):
        return Constraint(label, "in", _list(reading))
    if reading.skips("not"):
        if not reading.skips("in"):
            raise reading.wrong("in, after not")
        return Constraint(label, "not in", _list(reading))
    sign = reading.take(_SIGN, "==, !=, <, <=, >, >=, in or not in")
    asks = (_NUMBER, _NUMBER_HELP) if sign in _COMPARISONS else (_VALUE, _VALUE_HELP)
    return Constraint(label, sign, (reading.take(*asks),))


def _list(reading: _Reading) -> tuple[str, ...]:
    if not reading.skips("["):
        raise reading.wrong("a list such as [a, b]")
    values = [reading.take(_VALUE, _VALUE_HELP)]
    while reading.skips(","):
        values.append(reading.take(_VALUE, _VALUE_HELP))
    if not reading.skips("]"):
        raise reading.wrong("a comma or ]")
    return tuple(values)


@lru_cache(maxsize=4096)
def _number(text: str) -> tuple[int, ...] | None:
    """Return the parts of a dotted number, the last not 0, or None if the text is none.

    What a distribution or a vendor added to a version is left out: 20.10.24+dfsg1 is 20.10.24.
    """
    match = _MEASURED.fullmatch(text)
    if not match:
        return None
    parts = [int(part) for part in match[1].split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _compared(compare: Callable[[tuple[int, ...], tuple[int, ...]], bool]) -> _Test:
    def test(found: str | None, values: tuple[str, ...]) -> bool:
        ours, theirs = None if found is None else _number(found), _number(values[0])
        return ours is not None and theirs is not None and compare(ours, theirs)

    return test


def _is_among(found: str | None, values: tuple[str, ...]) -> bool:
    return found in values


def _is_not_among(found: str | None, values: tuple[str, ...]) -> bool:
    return found not in values


def _is_there(found: str | None, _: tuple[str, ...]) -> bool:
    return found is not None


def _is_not_there(found: str | None, _: tuple[str, ...]) -> bool:
    return found is None


_COMPARISONS: dict[str, _Test] = {
    "<": _compared(operator.lt),
    "<=": _compared(operator.le),
    ">": _compared(operator.gt),
    ">=": _compared(operator.ge),
}
_TESTS: dict[str, _Test] = {
    "==": _is_among,
    "in": _is_among,
    "!=": _is_not_among,
    "not in": _is_not_among,
    "present": _is_there,
    "absent": _is_not_there,
    **_COMPARISONS,
}
_SIGN = re.compile("|".join(["==", "!=", *_COMPARISONS]))
