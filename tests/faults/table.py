# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what was measured into docs/reliability.md: ``python -m tests.faults.table``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.lab.paths import ROOT

from .case import RESULTS, Case, name_of
from .cases import TABLE
from .kills import VERBS, Verb, covering

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
LEDGER = "the ledger's writer is killed 250 times"
NOT_YET = "not measured yet"
STARTS = "next run starts after"
Result = Mapping[str, Any]


def main() -> None:
    """Put the tables into the page."""
    found = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{rendered(found)}\n{END}{after}")


def rendered(results: Iterable[Result]) -> str:
    """Return the tables of kills and of all other faults, as Markdown."""
    by_name = {name_of(result["title"]): result for result in results}
    heads: Sequence[str] = (
        "killed",
        "times",
        "by",
        "failed requests",
        "next run starts after",
        "repairing runs",
    )
    rows = [_kills(verb, by_name.values()) for verb in VERBS]
    parts = ["### Runs that are killed", "", *_markdown(heads, rows)]
    heads = ("fault", "failed requests", "the run", STARTS, "repairing runs")
    for group, cases in TABLE.items():
        parts += ["", f"### {group}", "", *_markdown(heads, [_fault(case, by_name) for case in cases])]
    ledger = by_name.get(name_of(LEDGER))
    return "\n".join([*parts, "", f"{LEDGER[0].upper()}{LEDGER[1:]}: {ledger['said'] if ledger else '-'}."])


def _kills(verb: Verb, results: Iterable[Result]) -> Sequence[str]:
    """Return the row of a verb; it says how many of its kills have been measured."""
    planned = {name_of(kill.title) for kill in covering() if kill.verb == verb}
    ours = [result for result in results if name_of(result["title"]) in planned]
    if not ours:
        return (verb.name, f"0 of {len(planned)}", NOT_YET, "", "", "")
    signals = sorted({result["title"].partition(": ")[2].split()[0] for result in ours})
    requests = sum(result["requests"] for result in ours)
    return (
        verb.name,
        f"{len(ours)} of {len(planned)}",
        ", ".join(signals),
        f"{sum(result['failed'] for result in ours)} of {requests:,}" if requests else "nobody asked yet",
        f"{min(r['starts_after'] for r in ours):.1f} to {max(r['starts_after'] for r in ours):.1f} s",
        f"at most {max(result['repairs'] for result in ours)}{_unheld(ours)}",
    )


def _fault(case: Case, by_name: Mapping[str, Result]) -> Sequence[str]:
    result = by_name.get(case.name)
    if result is None:
        return (case.title, NOT_YET, "", "", "")
    promised = {0: "", None: ", none promised"}.get(case.lost, f", at most {case.lost}")
    return (
        case.title,
        f"{result['failed']} of {result['requests']:,}{promised}",
        _run(result),
        f"{result['starts_after']:.1f} s",
        f"{result['repairs']}{_unheld([result])}",
    )


def _run(result: Result) -> str:
    if result["rc"] is None:
        return "-"
    return f"fails: {result['said']}" if result["rc"] else "ends well"


def _unheld(results: Iterable[Result]) -> str:
    failed = sum(not result["held"] for result in results)
    return f"; {failed} DID NOT HOLD" if failed else ""


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


if __name__ == "__main__":
    main()
