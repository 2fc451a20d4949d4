# SPDX-License-Identifier: GPL-3.0-or-later
"""Even out what runs, by few moves.

Says which instances would stand better elsewhere, the greatest gain first: as many moves as are asked for,
or fewer where fewer gain anything. With --apply they are carried out by playbooks/rebalance.yml, app by app
as a rollout does it: the new instance starts and is healthy before the old one is let go of.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rebalance import Move, rebalance
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import arrange
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.supposition import moved
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.usage import total, use_of
from fairlead.machines import machines_of
from fairlead.options import fleet_options
from fairlead.output import Output
from fairlead.source import fleet_of
from fairlead.words import SIGNS, aligned, use_table, way

EXAMPLES = """\
  fairlead rebalance --max-moves 3
  fairlead rebalance --max-moves 3 --apply
  fairlead rebalance --fleet fleet.yml --apps apps/ --json
"""
CODES = "Exit codes: 0 nothing to gain, or applied; 2 there are moves to make; 1 an error."
PLAYBOOK = "playbooks/rebalance.yml"


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--max-moves", type=_number, default=3, metavar="N", help="at most so many; else 3")
    parser.add_argument("--apply", action="store_true", help="carry the moves out")
    fleet_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Find the moves, say them, and carry them out if that is asked for."""
    if asked.apply and asked.fleet:
        raise FairleadError("--apply moves what runs on real machines; leave --fleet away")
    paper = fleet_of(asked, output)
    now = arrange(paper.configurations, paper.fleet)
    moves = rebalance(paper.configurations.values(), now.seen, asked.max_moves)
    before = use_of(arrange({}, now.after).board)
    after = use_of(arrange({}, moved(now.after, {it.slot: it.new for it in moves})).board)
    applied = bool(asked.apply and moves)
    if applied:
        _apply(moves, asked, output)
    data = {
        "moves": [move._asdict() | {"slot": str(move.slot)} for move in moves],
        "applied": applied,
        "before": {name: use.as_dict() for name, use in sorted(before.items())},
        "after": {name: use.as_dict() for name, use in sorted(after.items())},
        "total": total(after.values()).as_dict(),
    }
    head = "Moved:" if applied else "These would stand better elsewhere:"
    head = head if moves else "Nothing would stand better elsewhere."
    lines = aligned([(SIGNS["move"], str(it.slot), way(it.old, it.new), it.why) for it in moves])
    output.answer(data, "\n".join([head, *lines, "", *use_table(before, after)]))
    return 2 if moves and not applied else 0


def _apply(moves: Sequence[Move], asked: Namespace, output: Output) -> None:
    from fairlead.running import play  # noqa: PLC0415 - slow to import, and no use on paper

    skip: dict[str, object] = {"skip_unreachable": True} if asked.skip_unreachable else {}
    play(PLAYBOOK, machines_of(asked), output, moves={str(it.slot): it.new for it in moves}, **skip)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ArgumentTypeError(f"{text}: expected a whole number from 1")
    return int(text)
