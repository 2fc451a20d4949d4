# SPDX-License-Identifier: GPL-3.0-or-later
"""A loop over ``community.docker.docker_container``, with Ansible's own distribution from PyPI."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lab.paths import ROOT
from tests.lab.progress import stream

from .machines import ROUTERS, check, run

HERE = Path(__file__).parent
VENV = ROOT / ".bench" / "venv"


class Loop:
    """``loop.yml``: start the containers, wait until they answer, write and reload HAProxy."""

    ways_in = tuple((router, 8090) for router in ROUTERS)

    def __init__(self, image: str) -> None:
        """Make the environment, unless it is there."""
        self.image = image
        lock = HERE / "requirements.lock"
        stamp = VENV / "stamp"
        if stamp.exists() and stamp.read_text() == lock.read_text():
            return
        shutil.rmtree(VENV, ignore_errors=True)
        stream([sys.executable, "-m", "venv", str(VENV)], "making the loop's environment")
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        stream([*pip, "--require-hashes", "--requirement", str(lock)], "installing what the loop needs")
        stamp.write_text(lock.read_text())

    def deploy(self, scale: int, greeting: str = "hello", *options: str) -> None:
        """Run the whole playbook, or what the options leave of it."""
        values = {"scale": scale, "image": self.image, "greeting": greeting}
        given = (part for name, value in values.items() for part in ("-e", f"{name}={value}"))
        self._play("loop.yml", *given, *options)

    def start(self, scale: int) -> None:
        """Start the containers only: nothing waits, nothing routes."""
        self.deploy(scale, "hello", "--tags", "containers", "-e", "waits=false")

    def route(self, scale: int, *options: str) -> None:
        """Only put HAProxy in front of so many instances at the known ports."""
        self.deploy(scale, "hello", "--tags", "routes", *options)

    def route_to(self, places: Sequence[tuple[str, int]]) -> None:
        """Only put HAProxy in front of these addresses and ports."""
        listed = json.dumps({"places": [f"{address}:{port}" for address, port in places]})
        self.route(len(places), "-e", listed)

    def check(self, scale: int) -> None:
        """Raise LabError unless so many instances answer."""
        check("bench-", scale)

    def remove(self) -> None:
        """Remove all that it made."""
        self._play("clear.yml")

    def _play(self, playbook: str, *arguments: str) -> None:
        program = str(VENV / "bin" / "ansible-playbook")
        run([program, str(HERE / playbook), *arguments], HERE / "ansible.cfg")
