# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a builder works: a folder for each build, which goes with it, and logs, of which the last stay."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER, LOGS = Path("/var/lib/fairlead/builder"), Path("/var/log/fairlead/builds")
_LOGS_KEPT = 20  # of each app


def log_of(app: str, tag: str, run: str) -> Path:
    """Return where the log of a build is; their names sort by time, as those of runs do."""
    return LOGS / f"{app}-{run}-{tag}.log"


def new_run() -> str:
    """Return a name for a build that begins now, as no other has."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class Workplace:
    """The builder's own folder."""

    folder: Path = FOLDER

    @property
    def settled(self) -> Path:
        """Return where is remembered what became of layers, by this way of settling them."""
        return self.folder / "layers" / "settled-1"

    @property
    def compressed(self) -> Path:
        """Return where is remembered what became of layers that were only compressed."""
        return self.folder / "layers" / "compressed-1"

    @property
    def contexts(self) -> Path:
        """Return where the last build context of each app is kept."""
        return self.folder / "contexts"

    @contextmanager
    def own(self, name: str) -> Iterator[Path]:
        """Give an empty folder that nobody else has, after whoever has it now; it is removed at the end.

        What killed builds have left is removed first.
        """
        work = self.folder / "work"
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in work.iterdir():
            if left.name != name:
                _remove_unless_held(left)
        with _held(work / name) as place:
            yield place


WORKPLACE = Workplace()


@contextmanager
def _held(place: Path) -> Iterator[Path]:
    handle = _lock(place)
    try:
        for left in place.iterdir():
            _remove(left)
        yield place
    finally:
        _remove(place)
        os.close(handle)


def _lock(place: Path) -> int:
    """Return a lock on a folder that is really there: who had it before has removed it."""
    while True:
        place.mkdir(exist_ok=True, mode=0o700)
        with suppress(FileNotFoundError):
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(place.stat(), os.fstat(handle)):
                    return handle
            os.close(handle)


def _remove_unless_held(place: Path) -> None:
    with suppress(OSError):  # somebody else has it, or has removed it
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(place)
        finally:
            os.close(handle)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def open_log(app: str, tag: str, run: str) -> Path:
    """Make an empty log that only root reads; of an app's older ones the last stay. Raises OSError."""
    LOGS.mkdir(parents=True, exist_ok=True, mode=0o700)
    older = sorted(LOGS.glob(f"{app}-[0-9]*Z-*-c-*.log"), reverse=True)
    for path in older[_LOGS_KEPT - 1 :]:
        path.unlink(missing_ok=True)
    log = log_of(app, tag, run)
    log.touch(mode=0o600)
    return log
