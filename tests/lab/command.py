# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker command, and what an engine says of itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from .progress import LabError

LABEL = "fairlead.lab=true"
"""Is on everything that the lab makes in an engine: containers, volumes, networks, images."""


def run(argv: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end with ``text`` as its input; return it with its output, whatever the exit."""
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=False)


def docker(*arguments: str, text: str | None = None) -> str:
    """Run ``docker ARGUMENTS``; return what it printed, stripped.

    Raises:
        LabError: docker failed; says what it said.
    """
    done = run(["docker", *arguments], text)
    if done.returncode != 0:
        raise LabError(f"docker {' '.join(arguments[:3])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def listed(kind: str, *options: str) -> list[str]:
    """Return the lab's own ``containers``, ``volumes``, ``networks`` or ``images``, one line each."""
    return docker(kind, "ls", "--filter", f"label={LABEL}", *options).split()


def information() -> dict[str, Any] | None:
    """Return what the engine says of itself (``docker info``), or None where no engine answers."""
    if shutil.which("docker") is None:
        return None
    try:
        done = subprocess.run(
            ["docker", "info", "--format", "{{json .}}"], capture_output=True, check=False, timeout=30
        )
    except subprocess.TimeoutExpired:
        return None
    said: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else {}
    return said if said.get("ServerVersion") else None
