# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible has packed of our modules, kept on the controller from one run to the next.

Ansible packs a module with all that it imports anew in every run: some 0.25 s of one core for each. What
comes of it is the same until Ansible or a file of ours changes. So a run is lent what an earlier one has
packed, and what it packs itself is kept. That is under ``$XDG_CACHE_HOME/fairlead``, for this user alone: it
is carried out on machines. Whatever goes wrong here, the run packs as it would have done.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ansible import __version__

_OURS = "ansible_collections.fairlead.paas."
_FOLDER = "ansiballz_cache"  # in a run's own folder, as Ansible calls it
_KEY = "fairlead-packs"  # beside it: by which sources the run was lent what it has
_SOURCES = Path(__file__).parents[1]
_OTHERS_MAY_WRITE = 0o022


def lend(run: Path) -> None:
    """Put what is kept into a run's own folder; what is made of other sources than today's is not."""
    with suppress(OSError):
        key = _key()
        packed = run / _FOLDER
        packed.mkdir(exist_ok=True)
        (run / _KEY).write_text(key)
        kept = _place() / key
        if _is_private(kept):
            for one in kept.glob(f"{_OURS}*"):
                _give(one, packed / one.name)


def has(run: Path, module: str) -> bool:
    """Say whether a run need not pack one of our modules any more."""
    return any((run / _FOLDER).glob(f"{_OURS}plugins.modules.{module}-*"))


def keep(run: Path) -> None:
    """Keep what a run has packed, unless a source has changed since it began; older ones are forgotten."""
    with suppress(OSError):
        key = _key()
        if (run / _KEY).read_text() != key:
            return
        place = _place()
        kept = place / key
        for folder in (place.parent, place, kept):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(kept):
            return
        for one in (run / _FOLDER).glob(f"{_OURS}*"):
            if one.suffix != ".lock" and not one.name.endswith("-part"):
                _give(one, kept / one.name)
        for other in place.iterdir():
            if other.is_dir() and other.name != key:
                shutil.rmtree(other, ignore_errors=True)


def _give(one: Path, other: Path) -> None:
    """Let a file have another name too, if need be as a copy, unless there is one by that name."""
    try:
        other.hardlink_to(one)
    except FileExistsError:
        return
    except OSError:
        new = other.with_name(f".{other.name}-{os.getpid()}")
        shutil.copyfile(one, new)
        new.rename(other)


def _place() -> Path:
    """Return where the packs of this checkout are."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "fairlead", sha256(os.fsencode(_SOURCES.resolve())).hexdigest()[:16])


def _key() -> str:
    """Return a hash of all that a pack is made of: by size and time of each source, as make and Git do."""
    known = sha256(f"{__version__} {sys.version}".encode())
    for folder in ("modules", "module_utils"):
        for source in sorted((_SOURCES / folder).rglob("*.py")):
            found = source.stat()
            known.update(f"{source} {found.st_size} {found.st_mtime_ns}\n".encode())
    return known.hexdigest()[:32]


def _is_private(folder: Path) -> bool:
    """Say whether a folder, and the two that it is in, are this user's and nobody else may write there."""
    for one in (folder, *folder.parents[:2]):
        found = one.lstat()
        if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE:
            return False
    return True
