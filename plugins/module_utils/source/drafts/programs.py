# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled programs."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind
from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents

NONE = "no file at its top is executable; a zip that was made on Windows does not say which are"


def only_program(contents: Contents) -> tuple[tuple[str, ...], str]:
    """Return the command that is the one executable file at the top, or why there is none."""
    programs = contents.top(Kind.PROGRAM)
    if len(programs) == 1:
        return (f"/app/{programs[0]}",), ""
    return (), f"several files at its top are executable: {', '.join(programs)}" if programs else NONE
