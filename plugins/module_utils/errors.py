# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person can cause, said so that the person can mend it.

FairleadError
├── Refused            some input was refused; carries every problem found, not the first
├── NoRoom             some instances fit on no node; carries for each of them why each node refused
├── EngineError        containers/engine: the engine cannot be reached, or refused
├── InstancesFailed    containers/instances: some did not become healthy; carries their last log lines
├── TaskFailed         containers/task: a command that runs once failed; carries its last log lines
├── RegistryError      registry/transport: the registry cannot be reached, is not trusted, or refused
├── BundleError        bundle/contents: a bundle cannot be made, or is none
├── SignatureError     registry/signing: an image cannot be signed, or has no good signature
├── Silent             haproxy/runtime: HAProxy does not answer
├── Unexpected         haproxy/runtime: HAProxy answers something else than a change needs
├── Unhealthy          haproxy/swap: HAProxy's own check did not find servers healthy in time
├── Aborted            canary/hold: a new release is worse than it may be beside the old one
├── Fenced             fence: a newer run has begun to change the app, or a change under way does not end
├── Held               ledger/lease: another run holds the lease; carries who, since when, for how long
├── LedgerError        ledger/session: the ledger cannot be used, or not in this way
│   └── Lost           ledger/session: the lease that the caller shows is not its own any more
└── CertificateError   trust/keeping: a certificate cannot be made
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with what a person wrote.

    Rendered as ``file:line:column field: problem; got …; expected …``; parts that are unknown are left out.
    Lines and columns count from 1; 0 means unknown.
    """

    file: str
    line: int
    column: int
    field: str
    problem: str
    got: str = ""
    expected: str = ""

    def __str__(self) -> str:
        """Return the one form in which every problem is said."""
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        head = f"{place} {self.field}: {self.problem}" if self.field else f"{place}: {self.problem}"
        got = [f"got {self.got}"] if self.got else []
        expected = [f"expected {self.expected}"] if self.expected else []
        return "; ".join([head, *got, *expected])


class FairleadError(Exception):
    """Base of all errors that the platform raises on purpose."""


class Refused(FairleadError):
    """Input was refused before anything was touched; ``problems`` holds every reason, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems sorted by file, line and column."""
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NoRoom(FairleadError):
    """Some slots fit on no node; ``refusals`` is slot → node → reason, in words."""

    def __init__(self, refusals: Mapping[str, Mapping[str, str]], advice: Iterable[str] = ()) -> None:
        """Say slots that every node refuses for the same reasons together, over one table; advice last."""
        self.refusals = {slot: dict(reasons) for slot, reasons in refusals.items()}
        tables: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for slot, reasons in self.refusals.items():
            tables.setdefault(tuple(reasons.items()), []).append(slot)
        super().__init__("\n".join([*(_table(slots, rows) for rows, slots in tables.items()), *advice]))


def _table(slots: Iterable[str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"  {node}: {reason}" for node, reason in rows] or ["  there is no node"]
    return "\n".join([f"no room for {', '.join(slots)}:", *lines])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``one of a, b, c`` or, where a known word is near, ``did you mean "b"? one of a, b, c``."""
    words = sorted(known)
    listed = "one of " + ", ".join(words)
    near = get_close_matches(word, words, n=1)
    return f'{listed} (did you mean "{near[0]}"?)' if near else listed
