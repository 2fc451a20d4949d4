# SPDX-License-Identifier: GPL-3.0-or-later
"""The command behind ``make bench-placement``: ``python -m tests.bench.placement [--only PART] [--seeds N]``.

Places on paper, on cases made from seeds: no machine is touched. Prints one row for each class of cases: the
mean and the worst figure, its target, and seconds of processor time. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.lab.progress import heartbeat, say

from . import exact, packing
from .rows import Row, shown

# What is measured, each with the number of seeds for each set of parameters.
PARTS: dict[str, Callable[[int], Iterable[Row]]] = {
    "packing": packing.quality,
    "packing-exact": packing.optimal,
    "packing-speed": packing.speed,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code: 0, or 1 where a target is missed."""
    asked = _parser().parse_args(argv)
    if not exact.available():
        say(f"packing-exact is left out. {exact.MISSING}")
    rows: list[Row] = []
    for part in asked.only or PARTS:
        say(f"=== {part}")
        with heartbeat("measuring"):
            rows += PARTS[part](asked.seeds)
    if not rows:
        return 0
    sys.stdout.write(f"\n{shown(rows)}\n")
    if asked.json:
        asked.json.write_text(json.dumps([row.as_dict() for row in rows], indent=2) + "\n")
    return 0 if all(row.met for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.placement", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="cases of each set of parameters (default: 5)")
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="a part of it, more than once for more"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
