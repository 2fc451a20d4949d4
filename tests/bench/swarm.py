# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Swarm on the same nodes; its ports are the hosts' own, since its routing mesh needs IPVS."""

from __future__ import annotations

import json
import time

from tests.lab.progress import LabError

from .machines import ADDRESSES, FIRST_PORT, NODES, check, on, published

SERVICE = "bench"
_NAMED = f"{SERVICE}[-.]"
_CONFIGURATION = "/etc/docker/daemon.json"
_KEPT = "/etc/docker/daemon.json.bench"


class Swarm:
    """``docker service create``, asked of the engine itself: no SSH, no placement rules, no router."""

    def __init__(self, image: str) -> None:
        """Keep which image to run."""
        self.image = image

    def enter(self) -> None:
        """Make the nodes a swarm. Swarm refuses an engine with live-restore, so that goes meanwhile."""
        self.leave()
        for node in NODES:
            on(node, "cp", _CONFIGURATION, _KEPT)
            settings = json.loads(on(node, "cat", _CONFIGURATION))
            settings.pop("live-restore", None)
            on(node, "sh", "-c", f"printf %s '{json.dumps(settings)}' > {_CONFIGURATION}")
            on(node, "systemctl", "restart", "docker")
        first, *others = NODES
        on(first, "docker", "swarm", "init", "--advertise-addr", ADDRESSES[first])
        token = on(first, "docker", "swarm", "join-token", "--quiet", "worker")
        for node in others:
            on(node, "docker", "swarm", "join", "--token", token, f"{ADDRESSES[first]}:2377")

    def leave(self) -> None:
        """Make the nodes what site.yml made them."""
        for node in NODES:
            on(node, "sh", "-c", "docker swarm leave --force 2>/dev/null || true")
            restore = f"if [ -f {_KEPT} ]; then mv {_KEPT} {_CONFIGURATION}; systemctl restart docker; fi"
            on(node, "sh", "-c", restore)

    def create(self, scale: int, *options: str) -> None:
        """Create a service with so many replicas on ports that Docker chooses."""
        publish = ("--publish", "mode=host,target=8080")
        self._create(SERVICE, "--replicas", str(scale), *publish, *options)

    def create_and_await(self, scale: int) -> None:
        """The same without Swarm's own wait: over as soon as all replicas are said to run."""
        self.create(scale, "--detach")
        command = ("docker", "service", "ls", "--filter", f"name={SERVICE}", "--format", "{{.Replicas}}")
        end = time.monotonic() + 120
        while on(NODES[0], *command) != f"{scale}/{scale}":
            if time.monotonic() > end:
                raise LabError(f"Swarm does not reach {scale} replicas in two minutes")

    def update(self, scale: int, *options: str) -> None:
        """Say again how many replicas there shall be."""
        on(NODES[0], "docker", "service", "update", "--replicas", str(scale), *options, SERVICE)

    def create_on_known_ports(self, scale: int) -> None:
        """Create one global service a port, so that a proxy knows where instances are."""
        for at in range(scale // len(NODES)):
            publish = f"mode=host,target=8080,published={FIRST_PORT + at}"
            self._create(f"{SERVICE}-{at}", "--mode", "global", "--publish", publish)

    def roll_over(self, scale: int, greeting: str) -> None:
        """Change the environment of those services, one task at a time, as Swarm does by itself."""
        for at in range(scale // len(NODES)):
            update = ("docker", "service", "update", "--env-add", f"GREETING={greeting}", f"{SERVICE}-{at}")
            on(NODES[0], *update)

    def places(self) -> list[tuple[str, int]]:
        """Return address and port of every replica, asked of the engines without the price of SSH."""
        return published(_NAMED)

    def check(self, scale: int) -> None:
        """Raise LabError unless so many instances answer."""
        check(_NAMED, scale)

    def remove(self) -> None:
        """Remove the services, and wait until their containers are gone."""
        on(NODES[0], "sh", "-c", "docker service ls -q | xargs -r docker service rm")
        for node in NODES:
            gone = f'until [ -z "$(docker ps -q --filter name=^{SERVICE})" ]; do sleep 0.1; done'
            on(node, "timeout", "60", "sh", "-c", gone)

    def _create(self, name: str, *options: str) -> None:
        environment = {"PORT": "8080", "GREETING": "hello", "SESSION_KEY": "bench", "APP_NAME": "bench"}
        given = (part for key, value in environment.items() for part in ("--env", f"{key}={value}"))
        limits = ("--reserve-memory", "48M", "--limit-memory", "48M", "--limit-pids", "512")
        safety = ("--init", "--cap-drop", "ALL", "--stop-grace-period", "20s", "--no-resolve-image")
        command = (
            "docker",
            "service",
            "create",
            "--quiet",
            "--name",
            name,
            *options,
            *given,
            *limits,
            *safety,
        )
        on(NODES[0], *command, self.image, "python3", "-m", "shop")
