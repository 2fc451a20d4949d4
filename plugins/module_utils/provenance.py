# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs this, from where, and on which commit: what the ledger keeps beside a release."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_ACCOUNT = re.compile(r"//[^/@]*@")  # of an address, and maybe its password


@dataclass(frozen=True)
class Provenance:
    """Where a release comes from. ``git_commit`` is empty and ``git_dirty`` false outside a git checkout."""

    who: str
    host: str
    git_commit: str = ""
    git_dirty: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the ledger's module."""
        return asdict(self)


def performer() -> tuple[str, str]:
    """Return who acts on this controller, and its name."""
    return os.environ.get("FAIRLEAD_PERFORMER") or _user(), socket.gethostname()


def provenance_of(directory: Path) -> Provenance:
    """Return who acts on this controller, and the commit of the checkout that holds the directory."""
    return Provenance(
        *performer(),
        git_commit=_git(directory, "rev-parse", "HEAD"),
        git_dirty=bool(_git(directory, "status", "--porcelain", "--", ".")),
    )


def source_of(directory: Path) -> dict[str, str]:
    """Return where what is built from a directory comes from: ``revision``, ``created`` and ``source``.

    They are the commit, its time, and the address of the repository, without an account; what is not known is
    left out. Nothing here is of this moment: whoever builds the commit gets the same.
    """
    commit = _git(directory, "rev-parse", "HEAD")
    moment = _git(directory, "show", "--no-patch", "--format=%ct", "HEAD") if commit else ""
    said = {
        "revision": commit,
        "created": f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else "",
        "source": _ACCOUNT.sub("//", _git(directory, "config", "--get", "remote.origin.url")),
    }
    return {name: value for name, value in said.items() if value}


def is_older(directory: Path, commit: str, than: str) -> bool:
    """Say whether a commit is an ancestor of another one; of commits that this checkout lacks, no."""
    if not commit or not than or commit == than:
        return False
    return _run_git(directory, "merge-base", "--is-ancestor", commit, than)[0]


def file_at(directory: Path, commit: str, name: str) -> bytes | None:
    """Return a file of a directory as it was at a commit; None where this checkout has no such thing."""
    done, said = _run_git(directory, "show", f"{commit}:./{name}")
    return said.encode() if done else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return str(os.getuid())


def _git(directory: Path, *arguments: str) -> str:
    done, said = _run_git(directory, *arguments)
    return said.strip() if done else ""


def _run_git(directory: Path, *arguments: str) -> tuple[bool, str]:
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(directory), *arguments],  # noqa: S607 - the git that the person uses
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False, ""
    return answer.returncode == 0, answer.stdout
