# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab image as it is made where there is no mmdebstrap: by a Dockerfile, from the image ``debian:13``.

That image cannot be pulled here; one of its name is made on the spot, and removed again.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import engine, fleet, image, machine
from tests.lab.arguments import Machine
from tests.lab.command import LABEL, docker, run
from tests.lab.recipe import dockerfile

BASE = "debian:13"
MACHINE = Machine("dockerfile", 13, "198.18.2.13")


@pytest.fixture
def base() -> Iterator[str]:
    engine.ensure()
    there = run(["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", BASE])
    if there.returncode == 0 and "fairlead" not in there.stdout:
        yield BASE  # a person's own: used, and left alone
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        root = Path(folder) / "root.tar"
        subprocess.run(
            ["mmdebstrap", "--variant=minbase", "--quiet", "trixie", str(root)],
            check=True,
            env={"TMPDIR": folder, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        docker("import", "--change", f"LABEL {LABEL}", str(root), BASE)
    yield BASE
    docker("image", "rm", "--force", BASE)


@pytest.fixture
def without_mmdebstrap(base: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    assert base == BASE
    monkeypatch.setattr(image, "recipe", dockerfile)
    yield dockerfile(13).tag
    machine.remove(MACHINE)
    run(["docker", "image", "rm", dockerfile(13).tag])


def test_a_machine_of_the_dockerfiles_image_is_like_any_other(without_mmdebstrap: str) -> None:
    fleet.start(MACHINE)

    assert docker("inspect", "--format", "{{.Config.Image}}", MACHINE.container) == without_mmdebstrap
    inside = ("exec", MACHINE.container)
    assert docker(*inside, "systemctl", "is-system-running") in {"running", "degraded"}
    assert docker(*inside, "sh", "-c", "ls /var/cache/apt/archives/docker.io_*.deb")
    assert docker(*inside, "sh", "-c", "dpkg --list docker.io haproxy 2>&1 || true").count("ii ") == 0

    fleet.start(MACHINE)
    assert "true" in docker("inspect", "--format", "{{.State.Running}}", MACHINE.container)
