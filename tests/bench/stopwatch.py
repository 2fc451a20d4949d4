# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds that a program takes, and what many rounds of it come to."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Figures:
    """Seconds by what was done and by whom, one number a round."""

    seconds: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def take(self, what: str, who: str, action: Callable[[], object]) -> None:
        """Do it and keep how long it took."""
        began = time.monotonic()
        action()
        self.note(what, who, time.monotonic() - began)

    def note(self, what: str, who: str, seconds: float) -> None:
        """Keep how long something took."""
        self.seconds[what][who].append(seconds)

    def rows(self, what: str) -> Iterator[tuple[str, str, str, str]]:
        """Yield who, median, range, and how many times the first one's median that is."""
        medians = {who: statistics.median(taken) for who, taken in self.seconds[what].items()}
        first = next(iter(medians.values()))
        for who, median in medians.items():
            taken = self.seconds[what][who]
            yield who, f"{median:.1f} s", f"{min(taken):.1f} … {max(taken):.1f}", f"{median / first:.1f}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: what → who → seconds, one number a round."""
        return {what: dict(taken) for what, taken in self.seconds.items()}
