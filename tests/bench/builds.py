# SPDX-License-Identifier: GPL-3.0-or-later
"""A build context of 200 MB in which one line changes: our way to a release, and the engine's alone."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from tests.lab.paths import ROOT

from .fairlead import PROGRAM
from .machines import run

REGISTRY = "198.18.0.10:5000"
_FILES, _SIZE = 200, 2**20
_DOCKERFILE = """\
ARG FAIRLEAD_REGISTRY
FROM ${FAIRLEAD_REGISTRY}/runtimes/python
COPY . /srv
CMD ["python3", "-m", "http.server", "8080", "--directory", "/srv"]
"""
_APP = """\
app: large
build: {context: large}
processes: {web: {port: 8080, memory: 64M, health: {path: /line.txt}}}
"""
_THERE = "/srv/fairlead-bench"


class Builds:
    """The app ``large``, here and, for the engine alone, as a directory on the builder."""

    def __init__(self, folder: Path) -> None:
        """Make it: half of it is noise, half is text, as media and code are."""
        self.apps, self.lines = folder / "builds", 0
        self.context = self.apps / "large"
        self.context.mkdir(parents=True)
        (self.apps / "large.yml").write_text(_APP)
        (self.context / "Dockerfile").write_text(_DOCKERFILE)
        chance = random.Random(1)  # noqa: S311 - any bytes
        words = [chance.randbytes(5).hex() for _ in range(5000)]
        for number in range(_FILES):
            text = " ".join(chance.choices(words, k=_SIZE // 11)).encode()
            (self.context / f"file-{number}").write_bytes(chance.randbytes(_SIZE) if number % 2 else text)
        self.change()
        run(["docker", "exec", "fairlead-m1", "mkdir", "-p", _THERE])
        run(["docker", "cp", f"{self.context}/.", f"fairlead-m1:{_THERE}"])

    def change(self) -> None:
        """Change one line, here and on the builder."""
        self.lines += 1
        line = self.context / "line.txt"
        line.write_text(f"line {self.lines}\n")
        if self.lines > 1:
            run(["docker", "cp", str(line), f"fairlead-m1:{_THERE}/line.txt"])

    def deploy(self) -> None:
        """Have what is here built, pushed, and released."""
        given = ["-e", "app=large", "-e", f"fairlead_apps={self.apps}"]
        run([PROGRAM, "deploy.yml", *given], ROOT / "ansible.cfg")

    def build_and_push(self) -> None:
        """Have the engine alone build what is on the builder, and push it."""
        image = f"{REGISTRY}/large-alone:latest"
        command = (
            f"cd {_THERE} && export DOCKER_BUILDKIT=1 DOCKER_CONFIG=/run/fairlead-bench && "
            f"echo lab-only-push | docker login -u push --password-stdin {REGISTRY} && "
            f"docker build -q --build-arg FAIRLEAD_REGISTRY={REGISTRY} -t {image} . && docker push -q {image}"
        )
        run(["docker", "exec", "fairlead-m1", "sh", "-c", command])

    def remove(self) -> None:
        """Leave nothing on the machines but what the registry keeps."""
        given = ["-e", "app=large", "-e", f"fairlead_apps={self.apps}"]
        run([PROGRAM, "playbooks/remove.yml", *given], ROOT / "ansible.cfg")
        left = f"{_THERE} /run/fairlead-bench"
        subprocess.run(["docker", "exec", "fairlead-m1", "sh", "-c", f"rm -rf {left}"], check=False)
