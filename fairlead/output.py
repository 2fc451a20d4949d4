# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command says: its answer on stdout, as text or JSON; progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

COLOURS = {"+": 32, "~": 33, ">": 36, "-": 31}  # of what starts, is replaced, moves, stops
_ACTION = re.compile(r"^( +)([+~>-]) .*$", re.MULTILINE)
_BACK = "\r\x1b[K"  # to the line's beginning, and nothing on it


class Output:
    """Where a command speaks. Colour only on a terminal, never with NO_COLOR or as JSON."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        """Speak to this process's own stdout and stderr."""
        self.as_json, self.quiet = as_json, quiet
        self._working = False

    def answer(self, data: Mapping[str, Any], text: str) -> None:
        """Give the answer: the data as JSON, or the text to people."""
        if self.as_json:
            _write(sys.stdout, json.dumps(data, indent=2))
        else:
            _write(sys.stdout, painted(text) if _is_coloured(sys.stdout) else text)

    def progress(self, text: str) -> None:
        """Say what is being done: on a terminal in one line that changes."""
        if self.quiet:
            return
        if sys.stderr.isatty():
            self._working = True
            sys.stderr.write(f"{_BACK}… {text}")
            sys.stderr.flush()
        else:
            _write(sys.stderr, f"… {text}")

    def done(self) -> None:
        """Take the line of progress away."""
        if self._working:
            sys.stderr.write(_BACK)
            sys.stderr.flush()
        self._working = False

    def warn(self, text: str) -> None:
        """Say what is allowed but hardly meant."""
        self.done()
        if not self.quiet:
            _write(sys.stderr, f"warning: {text}")

    def error(self, text: str) -> None:
        """Say why there is no answer."""
        self.done()
        _write(sys.stderr, f"fairlead: {text}")


def painted(text: str) -> str:
    """Return the text with the lines of actions in their colours."""
    return _ACTION.sub(lambda match: f"\x1b[{COLOURS[match[2]]}m{match[0]}\x1b[0m", text)


def _is_coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")
    stream.flush()
