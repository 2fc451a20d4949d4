# SPDX-License-Identifier: GPL-3.0-or-later
"""Place apps on a fleet on paper.

FLEET is a file of nodes and of what runs on them, APPS are app files or directories of them. No machine is
asked and nothing is touched: this is how a thousand machines are tried. docs/placement.md shows such files.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import STRATEGIES
from ansible_collections.fairlead.paas.plugins.module_utils.paper.instances import slot_named
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import Arrangement, arrange
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.explanation import explain
from fairlead.output import Output
from fairlead.source import read_fleet
from fairlead.words import as_data, counted, explained, lines_of, refusals, standing_table

EXAMPLES = """\
  fairlead simulate fleet.yml apps/
  fairlead simulate fleet.yml apps/shop.yml --explain shop.web.3
  fairlead simulate big.json apps/ --json
"""
CODES = "Exit codes: 0 everything fits, 2 something does not, 1 an error."


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("fleet", metavar="FLEET", help="a file of nodes and instances, YAML or JSON")
    parser.add_argument("apps", nargs="+", metavar="APPS", help="app files, or directories of them")
    parser.add_argument("--explain", metavar="INSTANCE", help="say why this one stands where it does")
    parser.add_argument(
        "--strategy", choices=STRATEGIES, help="of processes that name none, as fairlead_strategy"
    )


def run(asked: Namespace, output: Output) -> int:
    """Place, and say what stands where."""
    paper = read_fleet(asked.fleet, asked.apps, asked.strategy)
    began = time.perf_counter()
    found = arrange(paper.configurations, paper.fleet)
    seconds = time.perf_counter() - began
    why = explain(slot_named(asked.explain), found) if asked.explain else None
    data = as_data(found) | {"seconds": round(seconds, 6)} | ({"explanation": why.as_dict()} if why else {})
    parts = [
        [_headline(found, seconds)],
        lines_of(found.changes) if found.kept else [],
        refusals(found),
    ]
    parts += [standing_table(found), explained(why) if why else []]
    output.answer(data, "\n\n".join("\n".join(part) for part in parts if part))
    return 2 if found.homeless else 0


def _headline(found: Arrangement, seconds: float) -> str:
    wanting = sum(len(each.slots) for each in found.homeless)
    standing = len(found.nodes)
    fits = (
        f"{standing} instances stand" if not wanting else f"{standing} instances stand, {wanting} fit nowhere"
    )
    used = f"{len(set(found.nodes.values()))} of {len(found.board)} nodes"
    return f"{fits}, on {used}: {counted(found.changes) or 'nothing changes'} ({_spelled(seconds)})"


def _spelled(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
