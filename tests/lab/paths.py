# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what it makes, and how two runs keep out of each other's way."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "lab"
STATE = ROOT / ".lab"
SSH = STATE / "ssh"
# Images are unpacked here and not below the repository: apt's own user must be able to reach it.
BUILD = Path(f"/var/tmp/fairlead-lab-{os.getuid()}")  # noqa: S108 - made 0755 on purpose, owned by one user


@contextmanager
def locked(name: str) -> Iterator[int]:
    """Hold the lock ``name`` of this machine; yield its file descriptor.

    The kernel frees it when its last holder dies, so a killed run leaves no lock behind. Give the descriptor
    to a child that must be waited for even when its parent is killed.
    """
    BUILD.mkdir(mode=0o755, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write ``text`` to ``path`` whole or not at all."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(text)
    half.chmod(mode)
    half.replace(path)
