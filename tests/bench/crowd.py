# SPDX-License-Identifier: GPL-3.0-or-later
"""Other apps on the fleet: small, one routed instance each, deployed as anybody's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.paths import ROOT

from .fairlead import PROGRAM
from .machines import run

_APP = """---
app: {name}
build: {{image: "{image}"}}
processes:
  web:
    command: [python3, -m, shop]
    memory: 32M
    cpu: 0.01
    port: 8080
    health: {{path: /_ping, interval: 30s}}
update: {{drain: 1s}}
"""
_AT_ONCE = 2


class Crowd:
    """The apps ``crowd-1``, ``crowd-2`` … beside the one that is measured."""

    def __init__(self, apps: Path, image: str) -> None:
        """Write their files into the folder of the measured app's; ``image`` is in the registry."""
        self._apps, self._image, self._size = apps, image, 0

    def grow(self, size: int) -> None:
        """Deploy more of them, until there are so many."""
        names = [f"crowd-{number}" for number in range(self._size + 1, size + 1)]
        for name in names:
            (self._apps / f"{name}.yml").write_text(_APP.format(name=name, image=self._image))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._deploy, names))
        self._size = size

    def _deploy(self, name: str) -> None:
        given = ("-e", f"app={name}", "-e", f"fairlead_apps={self._apps}")
        run([PROGRAM, "deploy.yml", *given], ROOT / "ansible.cfg")
