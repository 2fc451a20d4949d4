# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands, one a file: what it takes, what it does, what it says."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Protocol

from fairlead.output import Output

from . import build, bundle, capacity, check, init, load, outdated, plan, rebalance, simulate


class Command(Protocol):
    """A module of this folder. Its name is the command's, its documentation the help."""

    __name__: str
    __doc__: str | None
    EXAMPLES: str
    CODES: str

    def arguments(self, parser: ArgumentParser) -> None:
        """Add what the command takes."""

    def run(self, asked: Namespace, output: Output) -> int:
        """Do it; return the exit code. Raises FairleadError with why it cannot be done."""


COMMANDS: tuple[Command, ...] = (
    *(plan, simulate, check, capacity, rebalance),
    *(init, build, outdated, bundle, load),
)
