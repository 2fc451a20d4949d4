# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints over a node's labels: ``disk == ssd``, ``zone != b``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?"
_EXPRESSION = re.compile(rf"\s*({_WORD})\s*(==|!=)\s*({_WORD})\s*", re.ASCII)

CONSTRAINT_HELP = '"label == value" or "label != value"'


@dataclass(frozen=True)
class Constraint:
    """One comparison of a label with a value; a node without the label equals nothing."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        """Return the constraint as it is written in an app file."""
        return f"{self.label} {self.operator} {self.value}"

    def allows(self, labels: Mapping[str, str]) -> bool:
        """Say whether a node with these labels may be used."""
        return (labels.get(self.label) == self.value) == (self.operator == "==")


def parse_constraint(text: str) -> Constraint:
    """Return the constraint written in the text. Raises ValueError with what is expected."""
    match = _EXPRESSION.fullmatch(text)
    if not match:
        raise ValueError(CONSTRAINT_HELP)
    return Constraint(*match.groups())
