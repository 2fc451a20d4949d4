# SPDX-License-Identifier: GPL-3.0-or-later
"""A Procfile: the commands of an app's processes, one a line, ``web: python3 app.py``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import show
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused

from .command import split_command

RELEASE = "release"
MOST_LINES, LONGEST_LINE = 200, 8192
_LINE = re.compile(r"([A-Za-z0-9_-]{1,40}):[ \t]+(\S.*)")
_FORM = "NAME: COMMAND, one a line"


@dataclass(frozen=True)
class Procfile:
    """Commands by name; ``release`` among them is what runs before a release."""

    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def parse_procfile(file: str, text: str) -> Procfile:
    """Return what a Procfile says. Raises Refused with every line that is wrong."""
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise Refused(
            [Problem(file, 0, 0, "", "is too long", f"{len(lines)} lines", f"at most {MOST_LINES}")]
        )
    commands: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        try:
            commands |= _command(line, commands)
        except ValueError as error:
            problem, expected = error.args
            problems.append(Problem(file, number, 1, "", problem, show(line), expected))
    if problems:
        raise Refused(problems)
    return Procfile(commands)


def _command(line: str, known: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Return the command of a line, if it has one. Raises ValueError with a problem and what is expected."""
    if not line.strip() or line.lstrip().startswith("#"):
        return {}
    if len(line) > LONGEST_LINE:
        raise ValueError("is too long", f"at most {LONGEST_LINE} characters")
    if not line.replace("\t", " ").isprintable():
        raise ValueError("has a character that cannot be printed", _FORM)
    match = _LINE.fullmatch(line.rstrip())
    if not match:
        raise ValueError("is no line of a Procfile", _FORM)
    if match[1] in known:
        raise ValueError(f"names {match[1]} a second time", "each process once")
    try:
        return {match[1]: split_command(match[2])}
    except ValueError as error:
        raise ValueError("is no command", str(error)) from error
