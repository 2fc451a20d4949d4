# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments of their own for what the benches compare Fairlead with, made from locked lists."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.lab.paths import ROOT
from tests.lab.progress import stream


def environment(name: str, lock: Path) -> Path:
    """Return the folder of an environment that has what the list names; made unless it is there."""
    folder = ROOT / ".bench" / name
    stamp = folder / "stamp"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    stream([sys.executable, "-m", "venv", str(folder)], f"making the environment {name}")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    stream([*pip, "--require-hashes", "--requirement", str(lock)], f"installing what {name} needs")
    stamp.write_text(lock.read_text())
    return folder
