# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet on paper and two apps, as files, and the command line over them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli import main

FLEET = """\
nodes:
  n[1:2]: {memory: 1G, cpu: 4, labels: {zone: a, disk: ssd}}
  n3: {memory: 1G, cpu: 4, labels: {zone: b, disk: ssd}}
  n4: {memory: 512M, cpu: 2, labels: {zone: b, disk: hdd}}
instances:
  - {slot: shop.web.1, node: n1}
  - {slot: shop.web.2, node: n3}
  - {slot: shop.worker.1, node: n2}
  - {slot: blog.web.1, node: n4}
  - {slot: blog.web.2, node: n2}
"""
SHOP = """\
app: shop
build: {image: nginx}
processes:
  web:
    {scale: 2, memory: 256M, cpu: 0.5, port: 80, placement: {spread: zone, constraints: ["disk == ssd"]}}
  worker: {scale: 1, memory: 128M, cpu: 0.25}
"""
BLOG = """\
app: blog
build: {image: nginx}
processes:
  web: {scale: 2, memory: 128M, cpu: 0.25, port: 80}
"""
ON_PAPER = ("--fleet", "fleet.yml", "--apps", "apps")


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its answer, of JSON."""
        return json.loads(self.out)


class Desk:
    """A folder with a fleet and apps, and the command line in it."""

    def __init__(self, folder: Path, said: pytest.CaptureFixture[str]) -> None:
        """Write the files."""
        self.folder, self._said = folder, said
        (folder / "apps").mkdir()
        (folder / "none").mkdir()
        self.write("fleet.yml", FLEET)
        self.write("apps/shop.yml", SHOP)
        self.write("apps/blog.yml", BLOG)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text)

    def run(self, *argv: str) -> Said:
        """Run a command, also one that argparse ends."""
        try:
            code = main(argv)
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._said.readouterr()
        return Said(code, said.out, said.err)
