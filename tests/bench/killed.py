# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a deploy that was killed keeps the next one waiting."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.e2e.running import running
from tests.lab.progress import LabError

_ROLLING, _DECIDING = "TASK [Stop and start instances]", "TASK [Plan]"


def next_one_starts_after(apps: Path, *, with_keeper: bool) -> float:
    """Kill a deploy as it rolls out and start the next at once; return the seconds until that one decides.

    ``with_keeper``: what keeps its lease is killed too, as when the machine it was started on is lost.
    """
    with running("deploy.yml", app="shop", fairlead_apps=apps) as killed:
        killed.reaches(_ROLLING)
        processes = _started_with(apps) if with_keeper else []
        killed.kill()
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    began = time.monotonic()
    with running("deploy.yml", app="shop", fairlead_apps=apps, lease_wait=60) as following:
        following.reaches(_DECIDING)
        waited = time.monotonic() - began
        if following.end():
            raise LabError(f"the deploy after one that was killed fails:\n{following.output[-3000:]}")
    return waited


def _started_with(apps: Path) -> list[int]:
    given = f"fairlead_apps={apps}".encode()
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if given in file.read_bytes():
                found.append(int(file.parent.name))
    return found
