# SPDX-License-Identifier: GPL-3.0-or-later
"""A release becomes a file, and the file an app of another fleet: through Ansible, on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import read_head
from tests.integration.engine_rig import PULL, PUSH, ansible
from tests.integration.registry_rig import Home, running_home

SOURCE = """\
app: shop
build: {context: shop}
env: {secret: [SESSION_KEY]}
processes:
  web: {port: 8000, command: [serve]}
  worker: {}
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    with running_home(tmp_path / "home") as found:
        yield found


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "other").mkdir()
    with running_home(tmp_path / "other") as found:
        yield found


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """Return an apps directory whose commit has another app file than the directory has now."""
    folder = tmp_path / "apps"
    folder.mkdir()
    (folder / "shop.yml").write_text(SOURCE)
    git = ("git", "-C", str(folder), "-c", "user.name=ada", "-c", "user.email=ada@example.com")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "one")):
        subprocess.run([*git, *command], check=True)
    (folder / "shop.yml").write_text(SOURCE.replace("8000", "9000"))
    return folder


def commit_of(apps: Path) -> str:
    said = subprocess.run(["git", "-C", str(apps), "rev-parse", "HEAD"], capture_output=True, check=True)
    return said.stdout.decode().strip()


def release(home: Home, digest: str, commit: str, **more: Any) -> dict[str, Any]:
    specs = {name: {"command": [name, "--run"], "secrets": {"KEY": "a hash"}} for name in ("web", "worker")}
    processes = [{"name": name, "spec": spec} for name, spec in specs.items()]
    return {
        "number": 3,
        "state": "active",
        "image": f"{home.registry.address}/shop@{digest}",
        "git_commit": commit,
        "git_dirty": False,
        "message": "",
        "opened_at": "2026-01-01T00:00:00Z",
        "configuration": {"processes": processes},
        **more,
    }


def bundle(
    home: Home, apps: Path, releases: list[dict[str, Any]], *flags: str, **more: Any
) -> dict[str, Any]:
    given = {"app": "shop", "releases": releases, "apps": str(apps), "registry": home.registry.address}
    return ansible("bundle", {**given, "registry_auth": PULL, **more}, *flags)


def load(other: Home, file: Path, apps: Path, *flags: str, **more: Any) -> dict[str, Any]:
    given = {"file": str(file), "apps": str(apps), "registry": other.registry.address, "push_auth": PUSH}
    return ansible("load", {**given, **more}, *flags)


def test_a_release_is_an_app_of_another_fleet(home: Home, other: Home, apps: Path, tmp_path: Path) -> None:
    digest, out, there = home.push("shop", "one"), tmp_path / "shop.bundle", tmp_path / "there"
    there.mkdir()
    made = bundle(home, apps, [release(home, digest, commit_of(apps))], out=str(out))
    assert not made.get("failed"), made
    assert read_head(out).release["source"] == f"apps/shop.yml at {commit_of(apps)[:12]}"
    assert b"a hash" not in out.read_bytes()
    said = load(other, out, there, "--check")
    assert (said["changed"], said["pushed"], list(there.iterdir())) == (True, [f"shop@{digest}"], [])
    assert other.registry.names() == []
    done = load(other, out, there)
    assert (done["changed"], done["pushed"], done["secrets"]) == (True, said["pushed"], ["SESSION_KEY"])
    assert yaml.safe_load((there / "shop.yml").read_text()) == {
        "app": "shop",
        "build": {"image": f"REGISTRY/shop@{digest}"},
        "env": {"secret": ["SESSION_KEY"]},
        "processes": {
            "web": {"port": 8000, "command": ["serve"]},
            "worker": {"command": ["worker", "--run"]},
        },
    }
    assert other.registry.digest("shop", digest) == digest
    again = load(other, out, there)
    assert (again["changed"], again["pushed"]) == (False, [])


def test_another_app_file_is_replaced_only_by_force(
    home: Home, other: Home, apps: Path, tmp_path: Path
) -> None:
    digest, out = home.push("shop", "one"), tmp_path / "shop.bundle"
    made = bundle(home, apps, [release(home, digest, "", git_dirty=True)], out=str(out))
    assert not made.get("failed"), made
    assert read_head(out).release["source"] == "apps/shop.yml"
    before = (apps / "shop.yml").read_text()
    refused = load(other, out, apps)
    assert refused["failed"]
    assert "is there, and differs from that of the bundle; nothing was touched" in refused["msg"]
    assert (other.registry.names(), (apps / "shop.yml").read_text()) == ([], before)
    assert load(other, out, apps, force=True)["changed"]
    assert yaml.safe_load((apps / "shop.yml").read_text())["processes"]["web"]["port"] == 9000


def test_what_cannot_be_bundled_is_said(home: Home, apps: Path, tmp_path: Path) -> None:
    known = [release(home, f"sha256:{'0' * 64}", "")]
    out = tmp_path / "shop.bundle"
    unknown = bundle(home, apps, known, out=str(out), number="v9")
    assert (unknown["failed"], unknown["msg"]) == (True, "shop has no release v9; the newest are v3")
    gone = bundle(home, apps, known, out=str(out), number="v3")
    assert "is not in the registry any more: it was pruned" in gone["msg"]
    (apps / "shop.yml").unlink()
    assert "a bundle needs the app's file" in bundle(home, apps, known, out=str(out))["msg"]
    assert list(tmp_path.glob("*shop.bundle*")) == []


def test_a_file_that_is_no_bundle_touches_nothing(other: Home, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 2000)
    refused = load(other, tmp_path / "x", tmp_path)
    assert refused["failed"]
    assert "cannot be read as a bundle" in refused["msg"]
