# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``fairlead bundle`` and ``fairlead load`` ask of playbooks, and say; the playbooks are stand-ins."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import (
    HEAD,
    File,
    Head,
    Image,
    blob_path,
)
from fairlead import running
from fairlead.cli import main
from fairlead.machines import Machines
from fairlead.output import Output

BODY = b'{"schemaVersion": 2, "layers": []}'
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


def write(path: Path) -> None:
    """Write a bundle of one image without layers."""
    small = {
        "oci-layout": b"{}",
        "index.json": b"{}",
        "app/shop.yml": b"app: shop\n",
        blob_path(DIGEST): BODY,
    }
    files = {name: File(hashlib.sha256(body).hexdigest(), len(body)) for name, body in small.items()}
    head = Head("shop", {"number": 3}, ("SESSION_KEY",), (Image("shop", DIGEST, "x"),), files)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, body in {HEAD: head.written(), **small}.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Return what was run; a bundle that is asked for is there afterwards."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def play(playbook: str, _: Machines, __: Output, *___: str, **variables: Any) -> None:
        asked.append((playbook, variables))
        if "out" in variables:
            write(Path(variables["out"]))

    monkeypatch.setattr(running, "play", play)
    return asked


def test_a_bundle_is_asked_for_and_what_is_in_it_is_said(
    ran: list[tuple[str, dict[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "shop.bundle"
    asked = ["bundle", "shop", "--release", "v3", "-o", str(out), "--also", "runtimes/python:bookworm"]
    assert main(asked) == 0
    assert ran == [
        (
            "playbooks/bundle.yml",
            {"app": "shop", "out": str(out), "also": ["runtimes/python:bookworm"], "number": "v3"},
        )
    ]
    assert f"shop@{DIGEST}" in capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["release"], said["images"], said["secrets"]) == (3, [f"shop@{DIGEST}"], ["SESSION_KEY"])


def test_a_bundle_is_loaded_and_it_is_said_what_to_do_next(
    ran: list[tuple[str, dict[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "x")
    assert main(["load", str(tmp_path / "x")]) == 0
    assert ran == [("playbooks/load.yml", {"file": str(tmp_path / "x"), "force": False})]
    said = capsys.readouterr().out
    assert "ansible-playbook deploy.yml -e app=shop" in said
    assert "Set these in fairlead_secrets.shop first: SESSION_KEY\n" in said


def test_a_file_that_is_no_bundle_runs_nothing(
    ran: list[tuple[str, dict[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_bytes(b"nonsense")
    assert main(["load", str(tmp_path / "x")]) == 1
    assert ran == []
    assert "cannot be read as a bundle" in capsys.readouterr().err
