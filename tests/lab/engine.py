# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine: started where none answers; stopped again only by whoever started it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .command import information, run
from .paths import STATE, locked, write
from .progress import LabError, heartbeat, say

STARTED = STATE / "dockerd.pid"
LOG = STATE / "dockerd.log"


def ensure() -> dict[str, Any]:
    """Return what the engine says of itself, after starting one where none answers.

    Raises:
        LabError: there is no engine and none can be started.
    """
    if said := information():
        return said
    with locked("engine"):
        if said := information():
            return said
        _start()
        with heartbeat("waiting for the Docker engine"):
            return _answering(deadline=90)


def stop() -> None:
    """Stop the engine, if this lab started it; leave any other alone."""
    if not STARTED.exists():
        return
    word, _, born = STARTED.read_text().partition(" ")
    if word == "systemd":
        run(["systemctl", "stop", "docker.socket", "docker"])
    elif _born(int(word)) == born:
        _stop(int(word), born)
    STARTED.unlink()
    say("stopped the Docker engine that the lab had started")


def _start() -> None:
    if Path("/run/systemd/system").is_dir():
        say("starting the Docker engine: systemctl start docker")
        if (done := run(["systemctl", "start", "docker"])).returncode != 0:
            raise LabError(f"the Docker engine does not start: {done.stderr.strip()}")
        write(STARTED, "systemd ")
        return
    if shutil.which("dockerd") is None or os.getuid() != 0:
        raise LabError("no Docker engine answers, and only root can start one here (Debian: docker.io)")
    say(f"starting the Docker engine: dockerd, log in {LOG}")
    _mount_cgroups()
    _forget_the_dead()
    STATE.mkdir(mode=0o755, exist_ok=True)
    with LOG.open("ab") as log:
        child = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    write(STARTED, f"{child.pid} {_born(child.pid)}")


def _answering(deadline: float) -> dict[str, Any]:
    over = time.monotonic() + deadline
    while time.monotonic() < over:
        if said := information():
            return said
        if _started_and_ended():
            last = LOG.read_text(errors="replace").splitlines()[-3:]
            raise LabError("the Docker engine does not start: " + "\n".join(last))
        time.sleep(0.2)
    raise LabError(f"the Docker engine does not answer after {deadline:.0f} s; its log is {LOG}")


def _mount_cgroups() -> None:
    """Mount control groups where no init system did."""
    if not os.path.ismount("/sys/fs/cgroup") and shutil.which("cgroupfs-mount"):
        run(["cgroupfs-mount"])


def _forget_the_dead() -> None:
    """Remove process id files that a killed engine left: the numbers may be another program's by now."""
    for name, file in (
        ("dockerd", Path("/run/docker.pid")),
        ("containerd", Path("/run/docker/containerd/containerd.pid")),
    ):
        if file.exists() and not _runs(file.read_text().strip(), name):
            file.unlink()


def _runs(pid: str, name: str) -> bool:
    try:
        return bool(_born(int(pid))) and Path(f"/proc/{pid}/comm").read_text().strip() == name
    except (OSError, ValueError):
        return False


def _started_and_ended() -> bool:
    """Tell whether we started an engine, not by systemd, and it has ended."""
    word, _, born = STARTED.read_text().partition(" ")
    return word != "systemd" and _gone(int(word), born)


def _born(pid: int) -> str:
    """Return when a process began, in clock ticks since boot, or an empty text where it has ended."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if said[0] == "Z" else said[19]


def _gone(pid: int, born: str) -> bool:
    """Tell whether the process ended; collects it where it is a child of this very process."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return _born(pid) != born


def _stop(pid: int, born: str) -> None:
    os.kill(pid, 15)
    over = time.monotonic() + 60
    while not _gone(pid, born):
        if time.monotonic() > over:
            raise LabError(f"the Docker engine (process {pid}) does not stop; its log is {LOG}")
        time.sleep(0.2)
