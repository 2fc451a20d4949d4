# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, durations, shares and factors as people write them. Sizes are in bytes, durations in seconds."""

from __future__ import annotations

import re

# Powers of 1024.
_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]{1,12})(|K|M|G|T)(?:i?B)?", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)", re.ASCII)
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,2})?", re.ASCII)

SIZE_HELP = "a size such as 128M or 2G"
DURATION_HELP = "a duration such as 500ms, 2s or 1m"
PERCENTAGE_HELP = "a percentage such as 1% or 0.5%"
FACTOR_HELP = "a factor such as 1.5x or 2x"
ALL = "all"


def parse_size(text: str) -> int:
    """Return the bytes in ``128M``, ``2G``, ``512MiB``. Raises ValueError with what is expected."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(SIZE_HELP)
    return int(match[1]) * _SIZES[match[2]]


def size_of(value: object) -> int:
    """Return the bytes that a value of a file stands for: text with a unit, so that nobody has to guess it.

    Raises ValueError with what is expected.
    """
    return parse_size("" if not isinstance(value, str) or value.isdecimal() else value)


def format_size(size: int) -> str:
    """Return the shortest exact spelling of a number of bytes: ``134217728`` is ``128M``."""
    for unit in ("T", "G", "M", "K"):
        if size and size % _SIZES[unit] == 0:
            return f"{size // _SIZES[unit]}{unit}"
    return str(size)


def format_roughly(size: int) -> str:
    """Return a size rounded down to whole megabytes, if it has any: what is measured has odd bytes."""
    megabyte = _SIZES["M"]
    return format_size(size // megabyte * megabyte if size >= megabyte else size)


def parse_duration(text: str) -> float:
    """Return the seconds in ``500ms``, ``2s``, ``1m``. Raises ValueError with what is expected."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(DURATION_HELP)
    return int(match[1]) * _SECONDS[match[2]]


def format_duration(seconds: float) -> str:
    """Return the shortest exact spelling of a duration: ``90`` is ``90s``, ``0.5`` is ``500ms``."""
    milliseconds = round(seconds * 1000)
    for unit in ("d", "h", "m", "s"):
        size = int(_SECONDS[unit] * 1000)
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def parse_percentage(text: str) -> float:
    """Return the percent in ``1%``, ``0.5%``. Raises ValueError with what is expected."""
    return _number(text, "%", PERCENTAGE_HELP)


def format_percentage(percent: float) -> str:
    """Return the spelling of a percentage: ``0.5`` is ``0.5%``."""
    return f"{percent:g}%"


def parse_factor(text: str) -> float:
    """Return the factor in ``1.5x``, ``2x``. Raises ValueError with what is expected."""
    return _number(text, "x", FACTOR_HELP)


def format_factor(factor: float) -> str:
    """Return the spelling of a factor: ``1.5`` is ``1.5x``."""
    return f"{factor:g}x"


def _number(text: str, sign: str, expected: str) -> float:
    number = text.removesuffix(sign)
    if number == text or not _NUMBER.fullmatch(number):
        raise ValueError(expected)
    return float(number)


def share_of(amount: int | str, whole: int) -> int:
    """Return a number as it is, of ``25%`` that part of the whole, rounded down, and of ``all`` the whole."""
    if isinstance(amount, int):
        return amount
    return whole if amount == ALL else whole * int(amount.removesuffix("%")) // 100
