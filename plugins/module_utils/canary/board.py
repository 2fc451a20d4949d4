# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the workers of one run, one for each router, tell each other what they have found. On the controller.

What is bad on one router may be too little there to be told from chance; all of them together see it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .tally import Tallies, Tally, as_data, from_data, total

_END = "end"  # the file that says that somebody has ended it


@dataclass(frozen=True)
class Board:
    """A folder with one note of each worker; it goes with the run's own temporary folder."""

    folder: Path

    def pin(self, name: str, found: Tallies, *, final: bool = False) -> None:
        """Replace a worker's note; ``final`` when its time is over."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f"{name}.draft"
        draft.write_text(json.dumps({"found": as_data(found), "final": final}), encoding="utf-8")
        draft.replace(self.folder / f"{name}.json")

    def total(self) -> dict[str, Tally]:
        """Return the sum of all notes."""
        return total(from_data(note["found"]) for note in self._notes())

    def is_final(self) -> bool:
        """Say whether the time of every worker that has begun is over."""
        return all(note["final"] for note in self._notes())

    def end(self) -> None:
        """Let nobody wait for the end of the time."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / _END).touch()

    @property
    def ended(self) -> bool:
        """Whether somebody has ended it."""
        return (self.folder / _END).exists()

    def _notes(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.folder.glob("*.json")):
            yield json.loads(path.read_text(encoding="utf-8"))
