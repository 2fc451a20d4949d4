# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that land whole: no reader ever sees half of one, none is readable for a moment too long."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def land(path: Path, content: bytes, mode: int) -> None:
    """Replace a file by one of this content and mode, owner root. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def mode_of(path: Path) -> int | None:
    """Return the permission bits of a file; None without one."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
