# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab machine: a container that is what it should be, booted and known."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from .arguments import Engine, Machine, create_arguments
from .command import LABEL, docker, run
from .progress import LabError
from .ssh import USER, check, forget, know

MADE_AS = "fairlead.lab.made-as"

# Runs inside the machine: waits until systemd has finished its start, then lets our key in and shows the
# machine's host key.
SETTLE = f"""
set -eu
for try in $(seq 300); do
  state=$(systemctl is-system-running --wait 2>/dev/null) || true
  case $state in running|degraded) break ;; esac
  sleep 0.2
done
case $state in running|degraded) ;; *) echo "systemd is $state" >&2; exit 1 ;; esac
install -d -m 0700 -o {USER} -g {USER} ~{USER}/.ssh
cat > ~{USER}/.ssh/authorized_keys
chown {USER}: ~{USER}/.ssh/authorized_keys
cut -d ' ' -f 1-2 /etc/ssh/ssh_host_ed25519_key.pub
"""


@dataclass(frozen=True)
class Maker:
    """What all machines of a run have in common: the engine, the images by Debian, our public key."""

    engine: Engine
    images: dict[int, str]
    key: str

    def ensure(self, machine: Machine, *, fresh: bool) -> str:
        """Make the machine be there and answer; return what was done: kept, started, made, replaced.

        Raises:
            LabError: it cannot be made, or does not come up.
        """
        arguments = create_arguments(self.engine, machine, self.images[machine.debian])
        made_as = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:16]
        done = _converge(machine, made_as, arguments, fresh=fresh)
        settled = run(["docker", "exec", "-i", machine.container, "sh", "-c", SETTLE], text=f"{self.key}\n")
        if settled.returncode != 0:
            raise LabError(f"{machine.name} does not come up: {settled.stderr.strip()}")
        know({machine.address: settled.stdout.strip()})
        check(machine.address)
        return done


def remove(machine: Machine) -> None:
    """Remove the machine's container and volumes; nothing where there are none."""
    _hang_up(machine.container)
    _remove(machine)
    forget([machine.address])


def _converge(machine: Machine, made_as: str, arguments: list[str], *, fresh: bool) -> str:
    found = _inspect(machine.container)
    same = found is not None and found["Config"]["Labels"].get(MADE_AS) == made_as
    if found and same and not fresh:
        if found["State"]["Running"]:
            return "kept"
        if run(["docker", "start", machine.container]).returncode == 0:
            return "started"
    if found:
        _hang_up(machine.container)
    _remove(machine)
    for volume in machine.volumes:
        docker("volume", "create", "--label", LABEL, volume)
    docker("create", "--label", f"{MADE_AS}={made_as}", *arguments)
    docker("start", machine.container)
    return "replaced" if found else "made"


def _inspect(container: str) -> dict[str, Any] | None:
    done = run(["docker", "container", "inspect", container])
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found[0] if found else None


def _remove(machine: Machine) -> None:
    for kind, names in (("container", [machine.container]), ("volume", list(machine.volumes))):
        force = ["--force", "--volumes"] if kind == "container" else ["--force"]
        done = run(["docker", kind, "rm", *force, *names])
        if done.returncode != 0 and "no such" not in done.stderr.lower():
            raise LabError(f"{machine.name} cannot be removed: {done.stderr.strip()}")


def _hang_up(container: str) -> None:
    """Close the machine's SSH connections from its side, so that no client goes on with a dead one."""
    run(["docker", "exec", container, "pkill", "sshd"])
