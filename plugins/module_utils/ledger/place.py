# SPDX-License-Identifier: GPL-3.0-or-later
"""Which place a ledger is kept at: a database where a URL is given, else a file."""

from __future__ import annotations

from pathlib import Path

from .file import File
from .session import LedgerError, Place


def place_of(path: str, url: str | None) -> Place:
    """Return the place. Raises LedgerError where the driver is missing, or the URL is none."""
    if not url:
        return File(Path(path))
    try:
        # Nobody waits for it, or needs it installed, whose ledger is a file.
        from .database import Database  # noqa: PLC0415
    except ImportError as error:
        raise LedgerError(
            f"A ledger in PostgreSQL needs python3-psycopg2 on its manager ({error}): run playbooks/site.yml,"
            " which installs it."
        ) from None
    return Database(url)
