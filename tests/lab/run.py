# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``python3 -m tests.lab.run TEXT PROGRAM …``: runs it, and is never silent for long.

Needs nothing but Python: it is used before there is a virtual environment.
"""

from __future__ import annotations

import sys

from .progress import LabError, say, stream


def main(text: str, *argv: str) -> int:
    """Run the program; return 0, or 1 when it failed."""
    try:
        stream(argv, text)
    except LabError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
