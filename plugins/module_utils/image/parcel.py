# SPDX-License-Identifier: GPL-3.0-or-later
"""What a packed build context is made of, and what of it has been sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Parcel:
    """What a context is made of: digest and size of each piece, in order, and the digest of all of it."""

    pieces: tuple[tuple[str, int], ...]
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"pieces": [list(piece) for piece in self.pieces], "digest": self.digest}

    @property
    def size(self) -> int:
        """Return how many bytes it is."""
        return sum(size for _, size in self.pieces)

    @property
    def distinct(self) -> list[str]:
        """Return the digests of its pieces, each once, in order."""
        return list(dict.fromkeys(digest for digest, _ in self.pieces))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Parcel:
        """Return what ``as_dict`` gave, also after a way through JSON."""
        return cls(tuple((str(digest), int(size)) for digest, size in data["pieces"]), str(data["digest"]))


@dataclass(frozen=True)
class Shipment:
    """A context on its way to this builder; ``sent`` holds what it lacked, or with ``whole`` all of it."""

    parcel: Parcel
    sent: Path | None = None
    whole: bool = False
