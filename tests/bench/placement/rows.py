# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured of one class of cases, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from fairlead.table import table


@dataclass(frozen=True)
class Row:
    """One class: a figure for each case, and the seconds of processor time that each took.

    ``figures`` are ratios over a lower bound, or shares, or none; ``target`` is for their mean, at most or,
    with ``least``, at least. ``within`` is the target for the seconds of the slowest.
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
        return self._good and (self.within is None or max(self.seconds) <= self.within)

    @property
    def _good(self) -> bool:
        if self.target is None:
            return True
        return mean(self.figures) >= self.target if self.least else mean(self.figures) <= self.target

    @property
    def worst(self) -> float:
        """The figure of the case that went worst."""
        return min(self.figures) if self.least else max(self.figures)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "met": self.met}


def shown(rows: Iterable[Row]) -> str:
    """Return the rows as a table for people."""
    heads = ("class", "cases", "mean", "worst", "target", "seconds", "slowest", "at most", "")
    return table(heads, [_cells(row) for row in rows])


def _cells(row: Row) -> Sequence[str]:
    return (
        row.name,
        str(len(row.seconds)),
        f"{mean(row.figures):.4f}" if row.figures else "",
        f"{row.worst:.4f}" if row.figures else "",
        "" if row.target is None else f"{'≥' if row.least else '≤'} {row.target:g}",
        f"{mean(row.seconds):.3f}",
        f"{max(row.seconds):.3f}",
        "" if row.within is None else f"{row.within:g}",
        "" if row.met else "missed",
    )
