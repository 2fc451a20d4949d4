# SPDX-License-Identifier: GPL-3.0-or-later
"""Land files and reload: whole or not at all, checked by HAProxy before, one at a time on a router."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from .grammar import app_of
from .observe import read
from .place import Place
from .render import map_text
from .runtime import Silent
from .state import down_only, parse_map_file, parse_processes

_STARTING = 30.0  # seconds a new worker may take


@contextmanager
def landing(place: Place) -> Iterator[None]:
    """Hold the router's lock: two apps that deploy at once must not lose each other's hosts."""
    with place.lock.open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(path: Path, text: str | None) -> None:
    """Replace the file in one go, or remove it when there is no text; on disk when this returns."""
    if text is None:
        path.unlink(missing_ok=True)
    else:
        _replace(path, text)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_hosts(place: Place, app: str, hosts: Mapping[str, str]) -> None:
    """Make these the app's hosts in the map file and leave those of others alone. Needs the lock."""
    text = read(place.hosts) or ""
    others = {host: backend for host, backend in parse_map_file(text).items() if app_of(backend) != app}
    taken = sorted(set(others) & set(hosts))
    if taken:
        raise FairleadError(
            f'the host {taken[0]} has just been taken by the app "{app_of(others[taken[0]])}"'
        )
    wanted = map_text(others | dict(hosts))
    if wanted != text:
        write(place.hosts, wanted)


def check(place: Place, app: str, text: str | None) -> None:
    """Let HAProxy check its files with this text as the app's. Needs the lock. Raises FairleadError."""
    others = [path for path in sorted(place.apps.glob("*.cfg")) if path.stem != app and path.name[0] != "."]
    with _in_memory(text or "") as (number, trial):
        files = [place.config_dir / "haproxy.cfg", *others, trial]
        command = [place.program, "-c", *(word for file in files for word in ("-f", str(file)))]
        done = subprocess.run(  # noqa: S603 no shell, own paths
            command, capture_output=True, text=True, check=False, pass_fds=[number]
        )
    if done.returncode:
        alerts = [line for line in done.stderr.splitlines() if "[ALERT]" in line]
        said = "\n".join(["HAProxy refuses the configuration:", *alerts])
        raise FairleadError(said.replace(trial, str(place.app_file(app))))


@contextmanager
def _in_memory(text: str) -> Iterator[tuple[int, str]]:
    """Give a file, as its number and path, of which nothing is left when the run is killed."""
    with os.fdopen(os.memfd_create("trial"), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield file.fileno(), f"/proc/self/fd/{file.fileno()}"


def reload(place: Place, app: str = "") -> None:
    """Start a new worker over the files and return when it serves. Needs the lock. Raises FairleadError.

    Servers that were down stay down until a check passes, but for those of ``app``, whose checks change.
    """
    before, failed = _settled(place)
    _replace(place.saved, down_only(place.admin.ask("show servers state"), app))
    try:
        place.master.ask("reload")
        if not Deadline(_STARTING).until(lambda: _serves(place, before, failed)):
            raise FairleadError(f"HAProxy started no new worker within {_STARTING:.0f}s of a reload")
    finally:
        place.saved.unlink(missing_ok=True)


def _settled(place: Place) -> tuple[int, int]:
    """Return the worker that serves and how many reloads failed, once no reload of others is under way."""
    pid, processes = 0, parse_processes("")

    def is_settled() -> bool:
        nonlocal pid, processes
        try:
            processes, pid = parse_processes(place.master.ask("show proc")), place.admin.pid()
        except Silent:  # the master starts itself anew during a reload
            return False
        return pid in processes.workers

    if not Deadline(_STARTING).until(is_settled):
        raise FairleadError(
            f"HAProxy's worker and master do not answer on {place.admin.path}, {place.master.path}"
        )
    return pid, processes.failed


def _serves(place: Place, before: int, failed: int) -> bool:
    try:
        processes = parse_processes(place.master.ask("show proc"))
        now = place.admin.pid()
    except Silent:  # both sockets change hands during a reload
        return False
    if processes.failed > failed:
        raise FairleadError("HAProxy could not load its configuration; journalctl -u haproxy says why")
    return now != before and now in processes.workers


def _replace(path: Path, text: str) -> None:
    land(path, text.encode(), 0o644)
