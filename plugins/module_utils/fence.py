# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease alone is no fence: what changes a machine for an app shows its token, and an old one is refused.

A run whose lease was taken over may still be on its way, be it slow, cut off or killed with its module alive.
Each machine remembers the highest token it has seen of each app, and changes for one app go one at a time: a
newer run waits until an older run's change under way has ended, and after that the older run changes nothing.
A change whose run was killed ends at once.
"""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.leash import end_with_the_run

TOKENS = Path("/var/lib/fairlead/tokens")
_PAUSE = 0.1  # seconds between two tries to get the lock
_TOKEN = re.compile(r"[0-9]{1,18}", re.ASCII)


class Fenced(FairleadError):
    """A newer run changes this app, or another run's change has not ended in time."""


@contextmanager
def fenced(app: str, token: int | None, wait: float = 60.0, folder: Path = TOKENS) -> Iterator[None]:
    """Hold this machine for changes of one app, under the token of the run's lease.

    Without a token, as in a change by hand, nothing is held and nothing refused. ``wait`` is how many seconds
    a change under way may still take. Raises Fenced.
    """
    if token is None:
        yield
        return
    end_with_the_run()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{app}.lock").open("a") as lock:
        _acquire(lock, app, time.monotonic() + wait)
        _show(folder / app, app, token)
        yield


def tokens_seen(folder: Path = TOKENS) -> dict[str, int]:
    """Return the highest token that this machine has seen of each app. Raises FairleadError."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    # An app's name has no dot: what has one is a lock, or was on its way when a run was killed.
    return {file.name: _seen(file) for file in files if "." not in file.name}


def _acquire(lock: IO[str], app: str, end: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise Fenced(f"another run is changing {app} on this machine and does not end") from None
            time.sleep(_PAUSE)
        else:
            return


def _show(path: Path, app: str, token: int) -> None:
    seen = _seen(path)
    if token < seen:
        raise Fenced(
            f"a newer run (token {seen}) has begun to change {app} here; this one (token {token}) has lost"
            " its lease and changes nothing more. If there is no newer run, the ledger was lost since:"
            " playbooks/recover.yml lets its tokens begin after those that machines have seen"
        )
    if token > seen:
        land(path, f"{token}\n".encode(), 0o600)


def _seen(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return 0
    if not _TOKEN.fullmatch(text):
        raise FairleadError(f"{path} holds no token; expected a whole number: remove the file")
    return int(text)
