# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HAProxy with the role's own configuration, and small real instances behind it; all on 127.0.0.1."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import jinja2

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Canary
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.place import Place
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.runtime import Runtime, Silent
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import parse_processes
from ansible_collections.fairlead.paas.plugins.module_utils.plan.canary import Trial
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Check, Server, Table

ROLE = Path(__file__).parents[2] / "roles" / "router"
INSTANCE = Path(__file__).with_name("router_instance.py")
CHECK = Check(path="/_ping", interval=0.5, timeout=0.5, retries=3)
CANARY = Canary(weight=20, hold=30.0, max_5xx=1.0, max_p95=3.0)


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Router:
    """A running HAProxy: ``place`` for our code, ``port`` for clients."""

    place: Place
    port: int
    stats_port: int
    process: subprocess.Popen[bytes]
    instances: list[Instance] = field(default_factory=list)

    def get(
        self, host: str, path: str = "/", headers: dict[str, str] | None = None, method: str = "GET"
    ) -> Answer:
        """Ask once, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={"Host": host} | (headers or {}))
            response = connection.getresponse()
            body = response.read().decode()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)
        finally:
            connection.close()

    def instance(self, process: str = "web", **options: str) -> Instance:
        """Start an instance and return it once it answers itself."""
        instance = Instance.start(process, len(self.instances) + 1, **options)
        self.instances.append(instance)
        return instance

    def worker(self) -> int:
        """Return the process id of the worker that serves."""
        return self.place.admin.pid()

    def leaving(self) -> tuple[int, ...]:
        """Return the workers that still leave after a reload."""
        return parse_processes(self.place.master.ask("show proc")).leaving


@dataclass
class Instance:
    """A small real web server: ``/`` says its name, ``/_ping`` its health, ``/slow?ms=`` answers late."""

    server: Server
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, process: str, number: int, **options: str) -> Instance:
        """Start it on a free port and return once it answers."""
        port = free_port()
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        name = f"{process}.{number}-n1-{port}"
        command = [sys.executable, str(INSTANCE), "--port", str(port), "--name", name, *words]
        started = cls(Server(name, "127.0.0.1", port), subprocess.Popen(command))
        wait_for(lambda: accepts(port), f"instance on {port}")
        return started

    def kill(self) -> None:
        """End it at once, as a container that is removed by force."""
        self.process.kill()
        self.process.wait()


def table(*servers: Instance, app: str = "shop", check: Check = CHECK, hosts: tuple[str, ...] = ()) -> Table:
    """Return a table of one backend ``web`` that the hosts (by default ``APP.example.com``) lead to."""
    backend = Backend(f"{app}.web", check, tuple(instance.server for instance in servers))
    return Table(app, dict.fromkeys(hosts or (f"{app}.example.com",), backend.name), (backend,))


def canary_table(*servers: Instance) -> Table:
    """Return the table of an app that has a canary, while nothing is tried."""
    usual = table(*servers)
    return replace(usual, backends=tuple(replace(each, canary=True) for each in usual.backends))


def trial(new: Sequence[Instance], canary: Canary = CANARY) -> Trial:
    """Return what tries these instances of the new release."""
    return Trial({"shop.web": tuple(instance.server.name for instance in new)}, canary)


@contextmanager
def running_router() -> Iterator[Router]:
    """Run HAProxy as a master with workers, and stop it and its instances at the end."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-router-"))
    folder.chmod(0o755)
    port, stats_port = free_port(), free_port()
    place = Place(folder, Runtime(f"{folder}/admin.sock"), Runtime(f"{folder}/master.sock"))
    configure(place, port, stats_port)
    command = [place.program, "-W", "-f", f"{folder}/haproxy.cfg", "-f", f"{folder}/apps"]
    process = subprocess.Popen([*command, "-S", f"{folder}/master.sock,mode,600"])
    router = Router(place, port, stats_port, process)
    try:
        wait_for(lambda: answers(place.admin), "HAProxy")
        yield router
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        for instance in router.instances:
            instance.kill()
        shutil.rmtree(folder)


def configure(place: Place, port: int, stats_port: int, fingerprint: str = "test") -> None:
    """Write the role's own configuration for this machine."""
    place.apps.mkdir(exist_ok=True)
    place.hosts.touch()
    shutil.copytree(ROLE / "files/etc/haproxy/pages", place.config_dir / "pages", dirs_exist_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 no HTML
    )
    text = environment.get_template("etc/haproxy/haproxy.cfg.j2").render(
        router_config_dir=place.config_dir,
        router_run_dir=place.config_dir,
        router_bind=[f"127.0.0.1:{port}"],
        router_address="127.0.0.1",
        router_stats_port=stats_port,
        router_fingerprint=fingerprint,
        router_maxconn=1000,
        router_hard_stop_after="30s",
        router_timeout_client="30s",
        router_timeout_server="5s",
        router_retry_after=5,
    )
    (place.config_dir / "haproxy.cfg").write_text(text)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    """Say whether somebody listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(runtime: Runtime) -> bool:
    """Say whether HAProxy answers on this socket."""
    try:
        return bool(runtime.pid())
    except Silent:
        return False


def wait_for(holds: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    """Wait for a condition, and fail by its name."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds}s"
        time.sleep(0.02)
