# SPDX-License-Identifier: GPL-3.0-or-later
"""Say how full the fleet is, and how much more fits.

For one process, or for each: how many more of its instances fit beside all that runs, by all rules, and which
resource runs out first. Each is counted by itself, as if only that process grew.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import Arrangement, arrange
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.capacity import MOST, Capacity, capacity
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.usage import Use, total, use_of
from fairlead.options import fleet_options
from fairlead.output import Output
from fairlead.source import fleet_of
from fairlead.table import table
from fairlead.words import percent_of, readable, refusals

EXAMPLES = """\
  fairlead capacity
  fairlead capacity shop.web
  fairlead capacity shop.web --fleet fleet.yml --apps apps/ --json
"""
CODES = "Exit codes: 0, 2 if not even one more of the process that is named fits, 1 an error."


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("process", nargs="?", metavar="APP.PROCESS", help="only this one")
    fleet_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Count, and say what runs out."""
    paper = fleet_of(asked, output)
    found = arrange(paper.configurations, paper.fleet)
    shapes = [found.shape(key) for key in _keys(asked.process, found)]
    capacities = [capacity(shape, found.board) for shape in shapes]
    use = total(use_of(found.board).values())
    data = {
        "total": use.as_dict() | {"runs_out_first": use.first},
        "processes": {
            each.process: {"now": each.now, "more": each.more, "runs_out_first": each.out, "why": each.why}
            for each in capacities
        },
    }
    output.answer(data, "\n".join([*_fullness(use), *refusals(found), "", _table(capacities)]))
    return 2 if asked.process and not capacities[0].more else 0


def _keys(named: str | None, found: Arrangement) -> list[tuple[str, str]]:
    keys = {
        f"{app}.{process.name}": (app, process.name)
        for app, each in found.configurations.items()
        for process in each.processes
    }
    if named is None:
        return [*keys.values()]
    if named not in keys:
        raise FairleadError(f'"{named}" is no process that runs; expected {did_you_mean(named, keys)}')
    return [keys[named]]


def _fullness(use: Use) -> list[str]:
    memory = percent_of(use.memory_share, readable(use.memory_total))
    cpu = percent_of(use.cpu_share, f"{use.cpu_total:g}")
    return [f"Reserved: memory {memory}, cpu {cpu}. Of all that there is, {use.first} runs out first."]


def _table(capacities: list[Capacity]) -> str:
    rows = [
        (
            each.process,
            str(each.now),
            f"{each.more}{'+' if each.more == MOST else ''}",
            f"{each.out}, {each.why}",
        )
        for each in capacities
    ]
    return table(("process", "now", "more", "runs out first"), rows)
