# SPDX-License-Identifier: GPL-3.0-or-later
"""Prune the registry on its own machine: forget images, then collect garbage while nobody can push.

Garbage is collected as docker-registry asks for it: read-only by its settings, restarted, collected, and then
as before. A run that is killed leaves a registry that serves pulls; the next run, or site.yml, mends it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.files import land, mode_of

from .client import Registry
from .pruning import UNNEEDED, Entry, Keep, Pruning, decide
from .storage import Disk
from .transport import RegistryError

PROGRAM = "docker-registry"
_READONLY = re.compile(r"(?m)^(  maintenance: \{readonly: \{enabled: )(true|false)(\}\})$")
_LOG_LINES = 20


@dataclass(frozen=True)
class Service:
    """The registry as a service of this machine. ``settings`` is its file."""

    settings: Path
    restart: Callable[[], None]  # and wait until it answers
    runs_with: Callable[[], bool]  # whether it was started with what is in its settings

    def is_readonly(self) -> bool:
        """Say whether its settings let nobody push. Raises RegistryError where they do not say it."""
        match = _READONLY.search(self._text())
        if match is None:
            raise RegistryError(
                f"{self.settings} does not say whether the registry is read-only; run playbooks/site.yml,"
                " which brings the registry up to date"
            )
        return match[2] == "true"

    @contextmanager
    def readonly(self) -> Iterator[None]:
        """Let nobody push meanwhile."""
        try:
            self.let_push(allowed=False)
            yield
        finally:
            self.let_push(allowed=True)

    def let_push(self, *, allowed: bool) -> None:
        """Write whether anybody may push, and restart the registry with it."""
        text = _READONLY.sub(rf"\g<1>{'false' if allowed else 'true'}\g<3>", self._text())
        if text != self._text():
            land(self.settings, text.encode(), mode_of(self.settings) or 0o644)
        if not self.runs_with():
            self.restart()

    def collect(self) -> None:
        """Remove all blobs that no manifest needs. Raises RegistryError with what the registry said."""
        command = [PROGRAM, "garbage-collect", str(self.settings)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our words
        if done.returncode != 0:
            said = "\n".join((done.stderr or done.stdout).splitlines()[-_LOG_LINES:])
            raise RegistryError(f"garbage of the registry cannot be collected:\n{said}")

    def _text(self) -> str:
        try:
            return self.settings.read_text()
        except OSError as error:
            raise RegistryError(
                f"{self.settings} cannot be read: {error.strerror}; run playbooks/site.yml"
            ) from error


@dataclass(frozen=True)
class Outcome:
    """What went, in words; bytes freed, and bytes that are left."""

    gone: tuple[str, ...]
    freed: int
    left: int
    mended: bool = False  # it was read-only, or ran with other settings
    put_off: bool = False  # garbage stays until the next run, for a push seems to be under way

    @property
    def changed(self) -> bool:
        """Whether anything was or would be done."""
        return bool(self.gone or self.mended or self.freed)

    def as_dict(self) -> dict[str, Any]:
        """Return what the module answers."""
        lines = [f"- {line}\n" for line in self.gone]
        return {
            "changed": self.changed,
            "gone": list(self.gone),
            "freed": self.freed,
            "left": self.left,
            "put_off": self.put_off,
            "diff": {"prepared": "".join(lines)},
        }


def prune(service: Service, disk: Disk, registry: Registry, keep: Keep, *, check: bool) -> Outcome:
    """Forget what is not needed, then collect garbage; with ``check`` only say it. Raises RegistryError."""
    mended = service.is_readonly() or not service.runs_with()
    if mended and not check:
        service.let_push(allowed=True)
    store = disk.read()
    found = decide(store, keep)
    gone = [entry for entry, _ in found.gone if check or _forget(registry, disk, entry)]
    said = tuple(f"{entry}: {UNNEEDED}" for entry in gone)
    put_off, freed = found.under_way, found.freed
    if found.garbage and not put_off and not check:
        put_off, freed = _collect(service, disk, keep, found)
    freed = 0 if put_off else freed
    return Outcome(said, freed, store.size - freed, mended=mended, put_off=put_off)


def _collect(service: Service, disk: Disk, keep: Keep, found: Pruning) -> tuple[bool, int]:
    """Collect garbage, unless a push has begun since; return whether one has, and the bytes freed."""
    with service.readonly():
        before = disk.read()
        begun = bool(decide(before, keep).garbage - found.garbage)
        if not begun:
            service.collect()
    return begun, before.size - disk.read().size


def _forget(registry: Registry, disk: Disk, entry: Entry) -> bool:
    """Delete a manifest with its tags, unless somebody pushed it again since it was looked at."""
    age = disk.age(entry.name, entry.digest)
    if age is None or age < entry.age:
        return False
    registry.delete(entry.name, entry.digest)
    return True
