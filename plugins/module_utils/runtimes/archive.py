# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's archive as this machine's sources name it, asked for one release in a directory of its own.

So images can be of another release than the machine, and the machine's own apt is left alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .packages import stanzas
from .runtime import codename, sources_for

CACHE = Path("/var/cache/fairlead/runtimes")  # package lists and packages; to delete it costs downloads alone
APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
_LOG_LINES = 20
_VALID = 300  # seconds


def own_release() -> str:
    """Return the codename of this machine's Debian. Raises FairleadError where it has none."""
    found = codename(OS_RELEASE.read_text())
    if not found:
        raise FairleadError("this machine does not say which Debian it is; give the runtime a release")
    return found


class Archive:
    """The packages of one release."""

    def __init__(self, release: str, cache: Path = CACHE) -> None:
        """Name the release; nothing is read or written yet."""
        self._release, self._folder = release, cache / release
        self.packages = self._folder / "archives"
        self._stamp = self._folder / "refreshed"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others who make images on this machine from it for a while: they wait."""
        self.packages.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Give an empty directory for one making, while it is held; what a killed one left goes first."""
        room = self._folder / "room"
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir(parents=True)
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def sources(self) -> list[str]:
        """Return apt's sources for the release, as files. Raises FairleadError where there are none."""
        own = codename(OS_RELEASE.read_text())
        found = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]
        texts = [
            (each.suffix, text)
            for each in found
            if each.suffix in {".list", ".sources"} and each.is_file()
            for text in sources_for(self._release, own, [each.read_text()])
        ]
        if not texts:
            raise FairleadError(
                f"{APT}: no source of Debian packages names this machine's release, {own or '?'}"
            )
        # Images that keep them know them by names that do not depend on the machine.
        named = {f"debian-{n}{suffix}": text for n, (suffix, text) in enumerate(texts)}
        folder = self._folder / "sources"
        folder.mkdir(parents=True, exist_ok=True)
        for stale in {each.name for each in folder.iterdir()} - named.keys():
            (folder / stale).unlink()
        for name, text in named.items():
            (folder / name).write_text(text)
        return [str(folder / name) for name in named]

    def today(self, names: Iterable[str], *, fresh: bool = False) -> dict[str, str]:
        """Return the versions that would be installed now of those packages that there are.

        Package lists of the last minutes do, so that many runtimes ask for them once, unless ``fresh``.
        """
        with self.held():
            self._refresh(fresh=fresh)
        shown = self._run("apt-cache", "show", "--no-all-versions", *names, may_fail=True)
        return {fields["Package"]: fields["Version"] for _, fields in stanzas(shown) if "Version" in fields}

    def tidy(self) -> None:
        """Delete packages that Debian does not have any more, as far as its lists were ever fetched."""
        if not self._stamp.exists():
            return  # without lists, all of them would go
        with self.held():
            self._run("apt-get", "--quiet=2", "autoclean")

    def _refresh(self, *, fresh: bool) -> None:
        self.sources()
        stamp = self._stamp
        if fresh or not stamp.exists() or time.time() - stamp.stat().st_mtime > _VALID:
            self._run("apt-get", "--quiet=2", "update", "--error-on=any")
            stamp.touch()

    def _run(self, *command: str, may_fail: bool = False) -> str:
        (self._folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (self.packages / "partial").mkdir(parents=True, exist_ok=True)
        program, *arguments = command
        done = subprocess.run(  # noqa: S603 - every word of it went through a grammar
            [program, *self._options(), *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
        if done.returncode != 0 and not may_fail:
            said = "\n".join(done.stderr.splitlines()[-_LOG_LINES:])
            raise FairleadError(f"Debian {self._release}: {program} ended with {done.returncode}:\n{said}")
        return done.stdout

    def _options(self) -> list[str]:
        folder = self._folder
        settings = {
            "Dir::State": folder,
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": folder,
            "Dir::Cache::archives": self.packages,
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": folder / "sources",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }
        return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
