# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured of one class of cases, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from tests.lab.table import table


@dataclass(frozen=True)
class Row:
    """One class: a figure and the seconds of processor time of each case, and the target of one of them.

    ``figures`` are ratios over a lower bound or shares, ``target`` is for their mean; ``within`` is the
    target for the seconds of the slowest. ``least``: the figure must be at least the target, not at most.
    """

    name: str
    figures: tuple[float, ...]
    seconds: tuple[float, ...]
    target: float | None = None
    within: float | None = None
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is as good and as fast as it shall be."""
        figure = mean(self.figures)
        good = self.target is None or (figure >= self.target if self.least else figure <= self.target)
        return good and (self.within is None or max(self.seconds) <= self.within)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "met": self.met}


def shown(rows: Iterable[Row]) -> str:
    """Return the rows as a table for people."""
    heads = ("class", "cases", "mean", "worst", "target", "seconds", "slowest", "at most", "")
    return table(heads, [_cells(row) for row in rows])


def _cells(row: Row) -> Sequence[str]:
    worst = min(row.figures) if row.least else max(row.figures)
    return (
        row.name,
        str(len(row.figures)),
        f"{mean(row.figures):.4f}",
        f"{worst:.4f}",
        "" if row.target is None else f"{'≥' if row.least else '≤'} {row.target:g}",
        f"{mean(row.seconds):.3f}",
        f"{max(row.seconds):.3f}",
        "" if row.within is None else f"{row.within:g}",
        "" if row.met else "missed",
    )
