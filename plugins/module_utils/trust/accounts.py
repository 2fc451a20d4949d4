# SPDX-License-Identifier: GPL-3.0-or-later
"""A password file that holds the accounts wanted, and no others: ``name:bcrypt hash`` lines.

Hashes carry a salt, so a line is kept as long as its hash matches the password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
NAME_HELP = "letters, digits, dots, underscores and dashes, at most 64"
LONGEST = 72  # bytes; bcrypt ignores what follows

Matches = Callable[[str, str], bool]  # password, hash
Hash = Callable[[str], str]


@dataclass(frozen=True)
class Difference:
    """What the file lacks: accounts by name."""

    add: tuple[str, ...]
    change: tuple[str, ...]
    remove: tuple[str, ...]

    def __bool__(self) -> bool:
        """Say whether the file has to change."""
        return bool(self.add or self.change or self.remove)

    def __str__(self) -> str:
        """Return one line an account, without passwords and hashes."""
        words = {"add": self.add, "change the password of": self.change, "remove": self.remove}
        return "".join(f"{word} {name}\n" for word, names in words.items() for name in names)


def problems(accounts: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the accounts given: name -> password."""
    names = [f"account {name!r}: expected {NAME_HELP}" for name in accounts if not NAME.fullmatch(name)]
    empty = [f"account {name!r}: its password is empty" for name, word in accounts.items() if not word]
    long = [
        f"account {name!r}: its password is longer than {LONGEST} bytes"
        for name, word in accounts.items()
        if len(word.encode()) > LONGEST
    ]
    return (*names, *empty, *long)


def parse(text: str) -> dict[str, str]:
    """Return name -> hash; lines that are none are left out, and so vanish at the next change."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: rest for name, colon, rest in pairs if colon and name}


def difference(found: Mapping[str, str], accounts: Mapping[str, str], matches: Matches) -> Difference:
    """Compare the file's accounts (name -> hash) with those wanted (name -> password)."""
    common = sorted(found.keys() & accounts.keys())
    return Difference(
        add=tuple(sorted(accounts.keys() - found.keys())),
        change=tuple(name for name in common if not matches(accounts[name], found[name])),
        remove=tuple(sorted(found.keys() - accounts.keys())),
    )


def render(found: Mapping[str, str], accounts: Mapping[str, str], unlike: Difference, make_hash: Hash) -> str:
    """Return the file's new text: hashes that match are kept, so that only what differs changes."""
    new = {*unlike.add, *unlike.change}
    lines = (
        f"{name}:{make_hash(accounts[name]) if name in new else found[name]}\n" for name in sorted(accounts)
    )
    return "".join(lines)
