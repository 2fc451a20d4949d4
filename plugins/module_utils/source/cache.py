# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller keeps of packages and repositories, under ``$XDG_CACHE_HOME/fairlead``.

All of it can be had again, so it may be deleted at any time. It is for this user alone: what lies there is
built into images.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

_OTHERS_MAY_WRITE = 0o022


def folder(name: str) -> Path:
    """Return a folder of the cache. Raises FairleadError if it cannot be this user's alone."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "fairlead")
    try:
        for one in (cache, cache / name):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = one.lstat()
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE:
                raise FairleadError(f"{one}: is not yours alone to write in; remove it")
    except OSError as error:
        raise FairleadError(
            f"{cache / name}: cannot be used: {error.strerror}; see XDG_CACHE_HOME"
        ) from error
    return cache / name


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a path in the cache; it ends with this process, however that ends."""
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def recall(path: Path) -> Any:
    """Return what was remembered in a file, None if that is nothing or cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def remember(path: Path, data: Any) -> None:
    """Keep plain data in a file; no reader ever sees half of it. Where it cannot be kept, it is not."""
    with suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(data, file)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
