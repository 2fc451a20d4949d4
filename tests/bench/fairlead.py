# SPDX-License-Identifier: GPL-3.0-or-later
"""Fairlead itself, as a person runs it, on a copy of the sample app."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.lab.paths import ROOT

from .machines import ROUTERS, check, on, run

PROGRAM = str(ROOT / ".venv/bin/ansible-playbook")
HOST = "shop.apps.localhost"
_CHANGES = (
    (r"scale: 4", "scale: {scale}"),
    (r"memory: 128M", "memory: 48M"),
    (r"cpu: 0\.25", "cpu: 0.02"),
    (r" *placement: .*\n", ""),
    (r" *worker: .*\n", ""),
    (r"GREETING: hello", "GREETING: {greeting}"),
)


class Fairlead:
    """``ansible-playbook deploy.yml``: find the image, place, start, wait for health, route, record."""

    ways_in = tuple((router, 80) for router in ROUTERS)

    def __init__(self, folder: Path) -> None:
        """Keep the app's file in a folder that is thrown away."""
        self.apps = folder / "apps"
        shutil.copytree(ROOT / "apps", self.apps)
        self.text = (self.apps / "shop.yml").read_text()

    def deploy(self, scale: int, greeting: str = "hello") -> None:
        """Deploy the sample with so many instances of its web process."""
        self.write(scale, greeting)
        run(
            [PROGRAM, "deploy.yml", "-e", "app=shop", "-e", f"fairlead_apps={self.apps}"],
            ROOT / "ansible.cfg",
        )

    def write(self, scale: int, greeting: str) -> None:
        """Write the app file of the sample."""
        text = self.text
        for old, new in _CHANGES:
            text, count = re.subn(old, new.format(scale=scale, greeting=greeting), text)
            if count != 1:
                raise ValueError(f"apps/shop.yml has {old!r} {count} times, the bench expects it once")
        (self.apps / "shop.yml").write_text(text)

    def image(self) -> str:
        """Return the image that was deployed, by digest: the others run the same."""
        return on("n1", "docker", "ps", "--format", "{{.Image}}", "--no-trunc").split()[0]

    def check(self, scale: int) -> None:
        """Raise LabError unless so many instances answer on their nodes."""
        check("shop.", scale)

    def remove(self) -> None:
        """Remove the app everywhere."""
        run([PROGRAM, "playbooks/remove.yml", "-e", "app=shop"], ROOT / "ansible.cfg")
