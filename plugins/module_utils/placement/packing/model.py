# SPDX-License-Identifier: GPL-3.0-or-later
"""What is packed into what: kinds of items into bins, each in any number of resources."""

from __future__ import annotations

from dataclasses import dataclass

Size = tuple[int, ...]


@dataclass(frozen=True)
class Kind:
    """Identical items. ``most``: of them in one bin; ``bins``: indexes of those that may hold it, or all."""

    size: Size
    count: int
    most: int | None = None
    bins: frozenset[int] | None = None


@dataclass(frozen=True)
class Bin:
    """What is free, by resource. A ``used`` bin holds something already: using it costs nothing."""

    free: Size
    used: bool = False
