# SPDX-License-Identifier: GPL-3.0-or-later
"""What an unquoted word of an app file means.

YAML 1.1 and YAML 1.2 read many words in two ways: ``no``, ``010``, ``12:30:45``, ``2026-01-01``. Here a word
that is not read alike by both is nothing at all until somebody puts it in quotes.
"""

from __future__ import annotations

import re

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")

_TWO_WAYS = re.compile(
    r"""
      y|n|yes|no|on|off                                 # YAML 1.1: true and false
    | [-+]?0b[01_]+ | [-+]?0o[0-7_]+ | [-+]?0x[0-9a-f_]+    # binary, octal, hexadecimal
    | [-+]?[0-9][0-9_]*                                 # +5, 007, 1_000, and numbers too long to keep
    | [-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:e[-+]?[0-9]+)?     # .5, 5., 1e3, long fractions
    | [-+]?\.(?:inf|nan)
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?  # YAML 1.1: sexagesimal, 12:30:45
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[T\s].*)?        # YAML 1.1: a date
    | = | <<                                            # YAML 1.1: default value, merge
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def read_plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted word means. Raises ValueError with what is expected if it has two readings."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _TWO_WAYS.fullmatch(text):
        raise ValueError(_advice(text))
    return text


def _advice(text: str) -> str:
    quoted = f'"{text}" in quotes' if text.isprintable() else "quotes around it"
    return quoted if text.isalpha() else f"{quoted} if it is text, or a plain decimal number"
