# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that commands share."""

from __future__ import annotations

from argparse import ArgumentParser

from .machines import machine_options


def common_options(parser: ArgumentParser) -> None:
    """Add the options of every command."""
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no warnings on stderr")


def fleet_options(parser: ArgumentParser) -> None:
    """Add the options that say which fleet: machines that are looked at, or a file."""
    group = parser.add_argument_group("a fleet on paper, instead of real machines")
    group.add_argument(
        "--fleet", metavar="FILE", help="nodes and what runs on them, as docs/placement.md has it"
    )
    group.add_argument(
        "--apps",
        action="append",
        default=[],
        metavar="PATH",
        help="app files, or a directory of them: what runs, where the fleet's file does not say it",
    )
    machine_options(parser)
