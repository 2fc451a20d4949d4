# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's compiled modules in a root that was made for the same digest each time.

There they say what their source is by its hash, and not by its time (PEP 552). Whoever imports one would read
the source and compare; in an image, which nobody changes, that is for nothing.
"""

from __future__ import annotations

import struct

_HEAD = struct.Struct("<4sI")  # which Python, and how the file is checked
_BY_HASH, _UNCHECKED = 3, 1


def trusted(compiled: bytes) -> bytes:
    """Return a ``.pyc`` file that is taken as it is, if it is one that would be compared by hash."""
    if len(compiled) < _HEAD.size:
        return compiled
    magic, kind = _HEAD.unpack_from(compiled)
    if kind != _BY_HASH or not magic.endswith(b"\r\n"):
        return compiled
    return _HEAD.pack(magic, _UNCHECKED) + compiled[_HEAD.size :]
