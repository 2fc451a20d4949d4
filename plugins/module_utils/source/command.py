# SPDX-License-Identifier: GPL-3.0-or-later
"""A command as one line of text, such as a Procfile has, to program and arguments."""

from __future__ import annotations

import re
import shlex

SHELL = ("/bin/sh", "-c")
_MEANT_FOR_A_SHELL = re.compile(r"[$`|&;<>(){}\[\]*?~#!\\\n]|^\s*\w+=")
# exec stands before one simple command; with these there may be more of them, or none that is a program.
_NOT_SIMPLE = re.compile(r"[|&;\n]|^\s*[({!]|^\s*\w+=")
_WORDS = frozenset(
    {
        *(".", ":", "[", "alias", "case", "cd", "command", "eval", "exec", "exit", "export", "for", "hash"),
        *("if", "local", "read", "readonly", "set", "source", "test", "times", "trap", "type", "ulimit"),
        *("umask", "unalias", "unset", "until", "wait", "while"),
    }
)


def split_command(line: str) -> tuple[str, ...]:
    """Return program and arguments; by way of a shell where the line needs one, which the program replaces.

    Raises ValueError with what is expected.
    """
    if not line.strip():
        raise ValueError("a program and its arguments")
    if not _MEANT_FOR_A_SHELL.search(line) and not _begins_with_a_word(line):
        return _split(line)
    return (*SHELL, f"exec {line}" if _is_simple(line) else line)


def _split(line: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise ValueError("quotes that are closed") from error


def _is_simple(line: str) -> bool:
    return not _NOT_SIMPLE.search(line) and not _begins_with_a_word(line)


def _begins_with_a_word(line: str) -> bool:
    """Say whether a line begins with what only a shell knows."""
    return line.split(maxsplit=1)[0] in _WORDS
