# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of an image: Debian's fixed ones, and one of its own that everything in it runs as."""

from __future__ import annotations

from dataclasses import dataclass

ID = 10001  # of the user and of its group, in every image: volumes fit whatever runs on them
_FIXED = 100  # below it, Debian's ids are the same on every machine
_NOBODY = 65534
_DAY = 10957  # of layers.MOMENT, counted in days, as shadow files do
FILES = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")


@dataclass(frozen=True)
class Account:
    """The user of an image."""

    name: str = "app"
    home: str = "/app"

    def written(self, path: str, text: str, *, whole: bool) -> str:
        """Return an accounts file with this user; unless ``whole``, without those that packages made."""
        lines = [line for line in text.splitlines() if line.partition(":")[0] != self.name]
        if path == "etc/passwd":
            lines = [line for line in lines if whole or _is_fixed(line)]
            return _joined([*lines, f"{self.name}:x:{ID}:{ID}::{self.home}:/bin/sh"])
        if path == "etc/group":
            lines = [line for line in lines if whole or _is_fixed(line)]
            return _joined([*lines, f"{self.name}:x:{ID}:"])
        if path == "etc/shadow":
            return _joined([f"{name}:*:{_DAY}:0:99999:7:::" for name in (*_named(lines), self.name)])
        return _joined([f"{name}:*::" for name in (*_named(lines), self.name)])


def is_fixed(number: int) -> bool:
    """Say whether an id means the same in every image."""
    return number < _FIXED or number == _NOBODY


def _is_fixed(line: str) -> bool:
    return is_fixed(int(line.split(":")[2]))


def _named(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
