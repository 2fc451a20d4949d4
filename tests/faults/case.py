# SPDX-License-Identifier: GPL-3.0-or-later
"""One fault as the table of cases has it, and what is measured of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tests.lab.paths import ROOT

if TYPE_CHECKING:
    from .scene import Scene

RESULTS = ROOT / ".faults"
"""Where what was measured is kept, a file a case."""


@dataclass(frozen=True)
class Met:
    """The run that met the fault: its exit code and all that it printed."""

    rc: int
    output: str

    @property
    def host(self) -> str:
        """Return the host of its first error: the one that the task was done on."""
        found = re.search(r"fatal: \[(\w+)(?: -> (\w+))?", self.output)
        return (found[2] or found[1]) if found else ""

    @property
    def step(self) -> str:
        """Return the task of its first error."""
        before = self.output.partition("fatal: [")[0]
        return re.findall(r"TASK \[(.*?)\] \*", before)[-1] if before != self.output else ""

    @property
    def error(self) -> str:
        """Return what it printed from its first error on, without the recap."""
        found = re.search(
            r"^(fatal: \[|\[ERROR\]).*?(?=^PLAY RECAP|\Z)", self.output, re.MULTILINE | re.DOTALL
        )
        return found[0] if found else ""

    @property
    def changed(self) -> dict[str, int]:
        """Return the number of changed tasks of each host that has any."""
        recap = self.output.partition("PLAY RECAP")[2]
        found = re.findall(r"^(\S+) .*changed=(\d+)", recap, re.MULTILINE)
        return {host: int(number) for host, number in found if number != "0"}


@dataclass(frozen=True)
class Case:
    """One fault and what is promised of it.

    ``fails``: the host that the run's error names, or several of which one; empty where the run is to end
    well; None where both is right. ``lost``: how many requests may fail; None promises nothing.
    ``returns``: the very same containers serve on, and the next run finds nothing to do.
    """

    title: str
    does: Callable[[Scene], Met | None]
    fails: tuple[str, ...] | None = ()
    says: tuple[str, ...] = ()
    lost: int | None = 0
    returns: bool = False
    quick: bool = False

    @property
    def name(self) -> str:
        """Return the title as a file's name."""
        return name_of(self.title)


@dataclass
class Measured:
    """What came of one fault, as docs/reliability.md shows it. Times in seconds."""

    title: str
    group: str
    held: bool = False  # to all oracles
    requests: int = 0
    failed: int = 0
    answered_by: Mapping[str, int] = field(default_factory=dict)
    rc: int | None = None
    said: str = ""
    starts_after: float = 0.0
    repairs: int = 0
    seconds: float = 0.0

    def keep(self) -> None:
        """Write it down."""
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name_of(self.title)}.json").write_text(json.dumps(asdict(self), indent=2) + "\n")


def name_of(title: str) -> str:
    """Return a title as a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def case(title: str, **promised: Any) -> Callable[[Callable[[Scene], Met | None]], Case]:
    """Make a case of a function that lets the fault happen, and returns the run that met it."""

    def made(does: Callable[[Scene], Met | None]) -> Case:
        return Case(title, does, **promised)

    return made
