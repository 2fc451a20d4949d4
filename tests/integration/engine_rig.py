# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry beside this machine's own Docker engine, a tiny image in it, and Ansible to call modules.

Everything made here is named after one app, so that what a killed run left behind is found and removed.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Health, Spec
from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine

ROOT = Path(__file__).parents[2]
APP = f"rig-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
PUSH = {"username": "push", "password": "push-password"}
PULL = {"username": "pull", "password": "pull-password"}
ACCOUNTS = """\
push:$2b$04$j9e4OZz81Kme1PKm46DSluzYq/LzCd8QfdBiMOfM6tN6XO4SDYoWu
pull:$2b$04$n29JPPaeM614JhJeaxtw5OO4TNVu0gdjbr2Z7ay.ftjNXzOKIYjFa
"""
_APPLETS = (
    "sh",
    "httpd",
    "sleep",
    "cat",
    "echo",
    "env",
    "mkdir",
    "touch",
    "false",
    "true",
    "dd",
    "tail",
    "ls",
    "test",
    "rm",
)
SERVE = "mkdir -p /tmp/www && touch /tmp/www/_ping && exec httpd -f -p $PORT -h /tmp/www"


@dataclass(frozen=True)
class Registry:
    """A running registry; ``address`` is HOST:PORT."""

    address: str


@contextmanager
def running_registry(certificate: tuple[Path, Path] | None = None) -> Iterator[Registry]:
    """Run Debian's docker-registry on loopback with a push and a pull account, over TLS given (crt, key)."""
    program = shutil.which("docker-registry")
    assert program, "docker-registry is missing; tests/setup.sh all installs it"
    port = free_port()
    tls = {"tls": {"certificate": str(certificate[0]), "key": str(certificate[1])}} if certificate else {}
    with tempfile.TemporaryDirectory(prefix="fairlead-registry-") as place:
        accounts, settings = Path(place, "htpasswd"), Path(place, "config.yml")
        accounts.write_text(ACCOUNTS)
        # JSON is YAML.
        settings.write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "log": {"level": "error", "accesslog": {"disabled": True}},
                    "storage": {"filesystem": {"rootdirectory": place}, "delete": {"enabled": True}},
                    "http": {"addr": f"127.0.0.1:{port}", **tls},
                    "auth": {"htpasswd": {"realm": "rig", "path": str(accounts)}},
                }
            )
        )
        # Ends with the test run, also with one that is killed.
        command = ["setpriv", "--pdeathsig", "TERM", program, "serve", str(settings)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                until(lambda: _listens(port) or process.poll() is not None, "the registry listens")
                yield Registry(f"127.0.0.1:{port}")
            finally:
                process.terminate()


def free_port() -> int:
    """Return a port of loopback that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(condition: Any, what: str, seconds: float = 15) -> None:
    """Wait until the condition holds; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def import_image(name: str) -> None:
    """Make an image of static busybox and nothing else in this machine's engine."""
    program = shutil.which("busybox")
    assert program, "busybox is missing; tests/setup.sh all installs it"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(os.path.realpath(program), "bin/busybox")
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        tmp = tarfile.TarInfo("tmp")
        tmp.type, tmp.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(tmp)
    docker("import", "--change", "ENV PATH=/bin", "-", name, data=packed.getvalue())


def pushed_image(registry: Registry, name: str) -> str:
    """Push a small image to the registry; return it as NAME@DIGEST, known to the engine too."""
    tagged = f"{registry.address}/{name}:rig"
    import_image(tagged)
    login = ["--username", PUSH["username"], "--password-stdin", registry.address]
    with tempfile.TemporaryDirectory(prefix="fairlead-docker-") as config:
        docker("--config", config, "login", *login, data=PUSH["password"].encode())
        docker("--config", config, "push", "--quiet", tagged)
    digests = json.loads(docker("image", "inspect", "--format", "{{json .RepoDigests}}", tagged))
    return next(str(digest) for digest in digests if digest.startswith(registry.address))


def docker(*arguments: str, data: bytes | None = None) -> str:
    """Run the docker command; fail with what it said."""
    done = subprocess.run(["docker", *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


def sweep(engine: Engine) -> None:
    """Remove every container of this rig's app, also those of a run that was killed."""
    for container in engine.containers(all=True):
        named = any(name.removeprefix("/").startswith(f"{APP}.") for name in container["Names"] or [])
        if named or (container["Labels"] or {}).get("io.fairlead.app") == APP:
            docker("rm", "--force", "--volumes", container["Id"])
    for volume in docker("volume", "ls", "--quiet").split():
        if volume.startswith(f"{APP}."):
            docker("volume", "rm", volume)


def sweep_images() -> None:
    """Remove the images of this rig's app, also those of a run that was killed."""
    listed = docker("image", "ls", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}")
    for repository, tag, digest in (line.split() for line in listed.splitlines()):
        if repository.partition("/")[2].startswith(APP) or repository.startswith(APP):
            docker(
                "image",
                "rm",
                "--force",
                f"{repository}:{tag}" if tag != "<none>" else f"{repository}@{digest}",
            )


@dataclass
class Wanted:
    """Makes the start descriptions that the module ``converge`` takes, as plain data."""

    image: str
    port: int = field(default_factory=free_port)

    def start(
        self, number: int = 1, release: int = 1, *, process: str = "web", **spec: Any
    ) -> dict[str, Any]:
        """Return a start of a small web server; ``spec`` overrides what it is made of."""
        health = spec.pop("health", {"path": "/_ping", "interval": 0.5, "timeout": 0.5, "start_period": 5.0})
        host_port = spec.pop("host_port", self.port if process == "web" else None)
        made = Spec(
            **{
                "image": self.image,
                "command": ("sh", "-c", SERVE),
                "port": 8080,
                "memory": 64 * 2**20,
                **spec,
            }
        )
        return {
            "slot": {"app": APP, "process": process, "number": number},
            "name": f"{APP}.{process}.{number}-v{release}",
            "release": release,
            "spec": made.as_dict(),
            "spec_hash": made.hash(),
            "host_port": host_port,
            "health": vars(Health(**health)) if health else None,
        }


def ansible(module: str, arguments: dict[str, Any], *flags: str) -> dict[str, Any]:
    """Call a module or action through Ansible itself on this machine; return its result."""
    with tempfile.TemporaryDirectory(prefix="fairlead-ansible-") as place:
        inventory, given = Path(place, "hosts.yml"), Path(place, "arguments.json")
        inventory.write_text("nodes: {hosts: {here: {ansible_connection: local}}}")
        given.write_text(json.dumps({"given": arguments}))
        playbook = Path(place, "play.json")
        task: dict[str, Any] = {
            "name": "Call",
            f"fairlead.paas.{module}": "{{ given }}",
            "register": "said",
            "ignore_errors": True,
        }
        shown: dict[str, Any] = {
            "name": "Say",
            "ansible.builtin.copy": {"content": "{{ said | to_json }}", "dest": f"{place}/said"},
        }
        shown["check_mode"] = False
        play = {"name": "Rig", "hosts": "here", "gather_facts": False, "tasks": [task, shown]}
        playbook.write_text(json.dumps([play]))
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        extra = ["-e", f"@{given}", "-e", f"ansible_python_interpreter={sys.executable}"]
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            str(inventory),
            *extra,
            *flags,
        ]
        done = subprocess.run(
            [*command, str(playbook)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert Path(place, "said").exists(), done.stdout + done.stderr
        said: dict[str, Any] = json.loads(Path(place, "said").read_text())
        return {**said, "output": done.stdout + done.stderr}


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
