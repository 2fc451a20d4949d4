# SPDX-License-Identifier: GPL-3.0-or-later
"""`fairlead build --show` over Ansible itself, which reads the inventory's indexes; no machine is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.test_cli_ansible import fairlead

INVENTORY = "all: {hosts: {n1: {}}, vars: {fairlead_indexes: {python: 'https://index.example/simple'}}}\n"


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    shop = tmp_path / "apps/shop"
    shop.mkdir(parents=True)
    (shop / "requirements.txt").write_text("flask\n")
    (shop / "Procfile").write_text("web: python3 app.py --port $PORT\n")
    (shop.parent / "shop.yml").write_text("app: shop\nbuild: {context: shop}\nprocesses: {web: {port: 80}}\n")
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    return shop.parent


def test_what_an_image_is_made_from(apps: Path) -> None:
    machines = ("-i", str(apps.parent / "hosts.yml"), "--apps", str(apps), "-q")
    said = fairlead("build", "shop", "--show", *machines)
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert lines[:2] == [
        f"shop is made from {apps / 'shop'}",
        "Runtime: python:latest, because of requirements.txt; the Dockerfile is generated",
    ]
    assert "Process web runs /bin/sh -c 'exec python3 app.py --port $PORT'" in lines
    assert "Build argument PIP_INDEX_URL: https://index.example/simple" in lines
    data = json.loads(fairlead("build", "shop", "--show", *machines, "--json").stdout)
    assert data["generated"]
    assert f"Content tag: {data['tag']}" in lines
    assert said.stdout.endswith(f"\n\n{data['dockerfile']}")


def test_what_cannot_be_built_is_said(apps: Path) -> None:
    (apps.parent / "hosts.yml").write_text("all: {hosts: {n1: {}}}\n")
    said = fairlead(
        "build", "shop", "--show", "-i", str(apps.parent / "hosts.yml"), "--apps", str(apps), "-q"
    )
    assert said.returncode == 1
    assert "requirements.txt names packages, and no index is named" in said.stderr
    assert "Traceback" not in said.stderr
    assert fairlead("build", "shop").returncode == 1
