# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases as people read them: one line each, newest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from .records import Release

_HEADS = ("release", "state", "opened", "took", "kind", "by", "commit", "image", "message")


def lines_of(releases: Iterable[Release]) -> list[str]:
    """Return a table: heads, then a line a release, columns aligned."""
    rows = [_HEADS, *(_row(release) for release in releases)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _row(release: Release) -> Sequence[str]:
    return (
        f"v{release.number}",
        release.state,
        release.opened_at,
        _took(release),
        release.kind + (" (irreversible)" if release.irreversible else ""),
        f"{release.who}@{release.host}",
        (release.git_commit[:8] or "-") + ("+" if release.git_dirty else ""),
        release.image.rpartition("sha256:")[2][:12],
        release.message or (release.outcome if release.state == "failed" else ""),
    )


def _took(release: Release) -> str:
    if release.closed_at is None:
        return "-"
    began, ended = (datetime.fromisoformat(at) for at in (release.opened_at, release.closed_at))
    return f"{(ended - began).total_seconds():.0f} s"
