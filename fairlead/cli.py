# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``fairlead COMMAND``."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import NoReturn

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .commands import COMMANDS
from .options import common_options
from .output import Output

OK, ERROR, CHANGES, INTERRUPTED = 0, 1, 2, 130
CODES = "Exit codes: 0 yes, or nothing to do; 2 no, or changes; 1 an error, which stderr says."


class _Parser(ArgumentParser):
    """Says errors as all commands do, and with their code: 2, which argparse has, means changes here."""

    def error(self, message: str) -> NoReturn:
        self.exit(ERROR, f"fairlead: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    asked = _parser().parse_args(argv)
    output = Output(as_json=asked.json, quiet=asked.quiet)
    try:
        code: int = asked.run(asked, output)
    except FairleadError as error:
        output.error(str(error))
        return ERROR
    except KeyboardInterrupt:
        output.error("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read this has read enough, and Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    return code


def _parser() -> ArgumentParser:
    parser = _Parser(prog="fairlead", description=DESCRIPTION, epilog=CODES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        documentation = command.__doc__ or ""
        one = commands.add_parser(
            name,
            help=documentation.partition("\n")[0].rstrip(".").lower(),
            description=documentation,
            epilog=f"Examples:\n{command.EXAMPLES}\n{command.CODES}",
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.arguments(one)
        common_options(one)
        one.set_defaults(run=command.run)
    return parser


DESCRIPTION = "What Fairlead would do, and what would be if. Deploys are playbook runs: see docs/deploy.md."
