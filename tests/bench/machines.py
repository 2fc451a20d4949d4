# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's machines as the bench uses them."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.lab.inventory import members
from tests.lab.paths import ROOT
from tests.lab.progress import LabError

NODES = tuple(members("nodes"))
ADDRESSES = {name: said["fairlead_address"] for name, said in members("nodes").items()}
ROUTERS = tuple(said["fairlead_address"] for said in members("routers").values())
FIRST_PORT = 27100
"""Where the loop and Swarm publish: outside the range that Fairlead manages."""


def run(argv: Sequence[str], configuration: Path | None = None) -> str:
    """Run a program from the repository's root; return what it printed.

    Raises:
        LabError: it did not exit with 0.
    """
    environment = os.environ | ({"ANSIBLE_CONFIG": str(configuration)} if configuration else {})
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(
            f"{' '.join(argv)} exits {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def on(machine: str, *command: str) -> str:
    """Run a command as root on a machine, without the price of SSH; return what it printed."""
    return run(["docker", "exec", f"fairlead-{machine}", *command]).strip()


def published(prefix: str) -> list[tuple[str, int]]:
    """Return address and port of every running container on the nodes whose name begins so."""
    command = ("docker", "ps", "--filter", f"name=^{prefix}", "--format", "{{.Ports}}")
    found = [(node, line) for node in NODES for line in on(node, *command).splitlines()]
    return [
        (ADDRESSES[node], int(port)) for node, line in found for port in re.findall(r":(\d+)->", line)[:1]
    ]


def check(prefix: str, scale: int) -> None:
    """Raise LabError unless so many instances run, and each answers."""
    places = published(prefix)
    if len(places) != scale:
        raise LabError(f"{len(places)} containers {prefix}* run, expected {scale}")
    await_answers(places)


def answers(place: tuple[str, int], host: str = "") -> bool:
    """Say whether a GET of ``/`` is answered with 200."""
    connection = http.client.HTTPConnection(*place, timeout=2)
    try:
        connection.request("GET", "/", headers={"Host": host} if host else {})
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def await_answers(asked: Iterable[tuple[str, int]], host: str = "", seconds: float = 60) -> None:
    """Wait until every place answers.

    Raises:
        LabError: one does not, in time.
    """
    end = time.monotonic() + seconds
    left = list(asked)
    while left := [place for place in left if not answers(place, host)]:
        if time.monotonic() > end:
            raise LabError(f"after {seconds:g} s these do not answer: {left}")
        time.sleep(0.1)
