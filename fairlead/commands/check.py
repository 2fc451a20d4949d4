# SPDX-License-Identifier: GPL-3.0-or-later
"""Check what the fleet survives.

Takes away any single node, or all nodes with any single value of a label, one after the other, and says
whether every app still fits on what is left, and whether of each process with several instances at least one
stays up meanwhile. A process with a single instance is down until that has started elsewhere: that is named,
and is no failure.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import arrange
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.survival import Loss, losses, worst
from fairlead.options import fleet_options
from fairlead.output import Output
from fairlead.source import fleet_of
from fairlead.table import table
from fairlead.words import MOST_ROWS, refusals

EXAMPLES = """\
  fairlead check --survive 1
  fairlead check --survive zone --json
  fairlead check --survive 1 --fleet fleet.yml --apps apps/
"""
CODES = "Exit codes: 0 it survives, 2 it does not, 1 an error."
_SILENCE = 5.0  # seconds without a word, at most


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    help_ = "1: any one node; or a label, such as zone: all nodes with any one value of it"
    parser.add_argument("--survive", required=True, metavar="1|LABEL", help=help_)
    fleet_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Try every loss, and name the worst."""
    label = None if asked.survive == "1" else asked.survive
    if label and label.isdecimal():
        raise FairleadError(f"--survive {label}: is not known; expected 1, or a label such as zone")
    paper = fleet_of(asked, output)
    now = arrange(paper.configurations, paper.fleet)
    found = _tried(losses(now, label), output)
    survived = not now.homeless and all(loss.survived for loss in found)
    bad = worst(found) if found and not survived else None
    data = {
        "survives": survived,
        "fits_now": not now.homeless,
        "worst": bad.as_dict() if bad else None,
        "losses": [loss.as_dict() for loss in found],
    }
    wanting = ["Not everything fits even with all nodes:", *refusals(now)] if now.homeless else []
    output.answer(data, "\n".join([*wanting, *_words(asked.survive, found, bad)]))
    return 0 if survived else 2


def _tried(tries: Iterable[Loss], output: Output) -> list[Loss]:
    """Try every loss; say now and then that it goes on."""
    found, said = [], time.monotonic()
    for loss in tries:
        found.append(loss)
        if time.monotonic() - said > _SILENCE:
            output.progress(f"{len(found)} losses tried")
            said = time.monotonic()
    output.done()
    return found


def _words(survive: str, found: list[Loss], bad: Loss | None) -> list[str]:
    what = "node" if survive == "1" else survive
    if bad is None:
        return [f"Everything survives the loss of any one {what}: {len(found)} tried.", *_alone(found)]
    failed = [loss for loss in found if not loss.survived]
    head = f"{len(failed)} of {len(found)} losses of one {what} are not survived. The worst is {bad.what}:"
    rows = [_row(loss) for loss in failed[:MOST_ROWS]]
    down = (
        [f"{', '.join(bad.down)} would have no instance left until new ones have started"] if bad.down else []
    )
    reasons = refusals(bad.after) if bad.after else []
    return [
        head,
        *down,
        *reasons,
        "",
        table(("lost", "instances", "fit nowhere", "down"), rows),
        *_alone(found),
    ]


def _row(loss: Loss) -> tuple[str, str, str, str]:
    return loss.what, str(loss.instances), str(len(loss.slots)), ", ".join(loss.down) or "-"


def _alone(found: list[Loss]) -> list[str]:
    alone = sorted({process for loss in found for process in loss.alone})
    if not alone:
        return []
    return [f"With one instance, and down until that has started elsewhere: {', '.join(alone)}."]
