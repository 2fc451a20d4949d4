# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the ledger: taken while others write, kept whole on other managers, put back when it is lost.

A copy travels as a snapshot: the SQLite file, compressed, as text. Compression brings a checksum, so that a
torn one is noticed. Which of two is newer is told by their editions.
"""

from __future__ import annotations

import binascii
import fcntl
import gzip
import os
import sqlite3
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.files import land

from .deeds import utc
from .file import connect, make_file, saying, version_of
from .records import Edition
from .schema import check_version
from .session import Damaged, LedgerError
from .store import Store

# What was given after the backup was made is not known: so many tokens and changes are left out, that none
# is given twice.
LEAP = 1_000_000
_MAGIC = b"SQLite format 3\0"


def dump(path: Path) -> tuple[Edition, str]:
    """Return the edition and the snapshot of the ledger, or of a backup, as it is now. Raises LedgerError."""
    if not path.exists():
        raise LedgerError(f"There is no ledger at {path}.")
    with saying(path), closing(connect(path)) as db, closing(_in_memory()) as copy:
        check_version(str(path), version_of(db))
        db.backup(copy)
        image = bytearray(copy.serialize())
        # A file in WAL mode says so here, and is then neither read from memory nor without files beside it.
        image[18:20] = b"\1\1"
        return Store(copy).edition(), b64encode(gzip.compress(image, mtime=0)).decode("ascii")


def keep(
    path: Path, snapshot: str, *, force: bool = False, check: bool = False
) -> tuple[Edition | None, Edition]:
    """Keep a snapshot as the backup, unless that is as new; return the editions before and after.

    Raises LedgerError, and leaves the backup as it is, if the snapshot is damaged or, unless forced, of
    another ledger; if forced, the backup of that one is set aside.
    """
    with opened(snapshot) as copy:
        given = Store(copy).edition()
        if check:
            return _succession(path, given, force=force)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone_in(path.parent):
                before, after = _succession(path, given, force=force)
                if before != after:
                    for torn in path.parent.glob(f".{path.name}.*"):  # by a run that was killed
                        torn.unlink()
                    if before and before.ledger != after.ledger:
                        path.rename(aside_of(path))
                    land(path, copy.serialize(), 0o600)
        except OSError as error:
            raise LedgerError(f"The backup {path} cannot be written: {error.strerror}.") from error
        return before, after


def restore(path: Path, snapshot: str, *, force: bool = False, check: bool = False) -> Edition:
    """Put a snapshot in the ledger's place, in one transaction; return its edition.

    Runs that began before it are fenced off, and whoever comes next looks at the machines again. Raises
    LedgerError if the snapshot is damaged or, unless forced, if a ledger with releases is there.
    """
    with opened(snapshot) as copy:
        edition = Store(copy).edition()
        try:
            lost, usable = _count_releases(path), path.exists()
        except Damaged:
            if not force:
                raise
            lost, usable = 0, False
        if lost and not force:
            raise LedgerError(
                f"There is a ledger at {path}, with {lost} release{'s'[: lost > 1]}: nothing was restored."
                " To lose what it has and the backup has not, -e force=true."
            )
        if not check:
            Store(copy).leap(LEAP)
            _put(copy, path, anew=not usable)
        return edition


def aside_of(path: Path) -> Path:
    """Return the name by which a file that makes room for another is kept."""
    return path.with_name(f"{path.name}.lost-{utc().replace(':', '')}")


def _put(copy: sqlite3.Connection, path: Path, *, anew: bool) -> None:
    if anew:
        for suffix in ("-wal", "-shm", ""):  # what is beside a lost file would be taken for the new one's
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    make_file(path)
    with saying(path), closing(connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        copy.backup(db)


def _succession(path: Path, given: Edition, *, force: bool) -> tuple[Edition | None, Edition]:
    """Return the edition of the backup that is there, and of the one that shall be."""
    there = _edition_at(path)
    if there and there.ledger != given.ledger:
        if force:
            return there, given
        raise LedgerError(
            f"The backup {path} is of another ledger, which was lost or replaced: it is kept as it is. Put it"
            " back with playbooks/restore.yml, or move it away."
        )
    return there, given if there is None or given.change > there.change else there


def _edition_at(path: Path) -> Edition | None:
    """Return the edition of a backup; None where there is none, or one that is worth nothing."""
    try:
        with saying(path), closing(connect(path)) as db:
            return Store(db).edition()
    except LedgerError:
        return None


def _count_releases(path: Path) -> int:
    if not path.exists():
        return 0
    with saying(path), closing(connect(path)) as db:
        return Store(db).count_releases() if version_of(db) else 0


@contextmanager
def opened(snapshot: str) -> Iterator[sqlite3.Connection]:
    """Open a snapshot in memory. Raises LedgerError unless it is whole and of this schema."""
    try:
        image = gzip.decompress(b64decode(snapshot, validate=True))
    except (binascii.Error, ValueError, OSError, EOFError, zlib.error):
        image = b""
    if not image.startswith(_MAGIC):
        raise LedgerError("The snapshot of the ledger is torn, or none: it is not used.")
    with closing(_in_memory()) as copy:
        copy.deserialize(image)
        try:
            reason = copy.execute("PRAGMA integrity_check(1)").fetchone()[0].splitlines()[-1]
        except sqlite3.DatabaseError as error:
            reason = str(error)
        if reason != "ok":
            raise LedgerError(f"The snapshot of the ledger is damaged ({reason}): it is not used.")
        check_version("in the snapshot", version_of(copy))
        yield copy


def _in_memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else keeps a backup here: of two that come at once the newer must stay."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
