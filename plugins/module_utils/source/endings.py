# SPDX-License-Identifier: GPL-3.0-or-later
"""The endings that packages have, and the first bytes that each of them promises."""

from __future__ import annotations

GZIP, ZSTD, ZIP = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
ENDINGS = {".tar.gz": GZIP, ".tgz": GZIP, ".tar.zst": ZSTD, ".zip": ZIP}
ENDINGS_HELP = "a name that ends in .tar.gz, .tgz, .tar.zst or .zip"


def ending_of(name: str) -> str | None:
    """Return which of the endings a file's name has."""
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)
