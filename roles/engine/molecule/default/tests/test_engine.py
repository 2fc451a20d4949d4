# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine promises to those who run instances on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

# The machine's own Python, and nothing else, as an image: nothing can be pulled here.
IMPORT_IMAGE = """
cd / && tar --create --dereference "$(readlink -f usr/bin/python3 | cut -c2-)" usr/lib/python3.* \
  --transform 's,usr/bin/python3.*,usr/bin/python3,' \
  $(ldd /usr/bin/python3 | grep --only-matching '/[^ ]*' | cut -c2-) 2>/dev/null \
  | python3 -c 'import docker, sys
docker.from_env().api.import_image_from_stream(sys.stdin.buffer, repository="probe", tag="1")'
"""
PRELUDE = "import docker, json, os; engine = docker.from_env(); "
SERVE = '["python3", "-m", "http.server", "8000"]'
ASK = """
import sys, urllib.request, urllib.error
sys.exit(0 if urllib.request.urlopen("http://" + sys.argv[1] + ":8000/", timeout=3).status == 200 else 1)
"""


def engine(host: Host, code: str) -> Any:
    """Run Python on the machine that prints JSON; ``engine`` is a client of its engine."""
    with host.sudo():
        return json.loads(host.check_output("python3 -c %s", PRELUDE + code))


@pytest.fixture(scope="module")
def server(host: Host) -> Iterator[dict[str, Any]]:
    """Give a container that serves on port 8000: its id, address and first process."""
    with host.sudo():
        host.run_expect([0], IMPORT_IMAGE)
    engine(host, f'print(json.dumps(engine.containers.run("probe:1", {SERVE}, name="one", detach=True).id))')
    yield look(host)
    engine(host, 'print(json.dumps(engine.containers.get("one").remove(force=True)))')


def look(host: Host) -> dict[str, Any]:
    """Return what the engine says of the serving container."""
    found: dict[str, Any] = engine(host, 'print(json.dumps(engine.containers.get("one").attrs))')
    return found


def address(server: dict[str, Any]) -> str:
    return str(server["NetworkSettings"]["Networks"]["bridge"]["IPAddress"])


def test_nothing_listens_on_the_network_for_the_engine(host: Host) -> None:
    with host.sudo():
        assert "dockerd" not in host.check_output("ss --tcp --listening --numeric --processes")
        socket = host.file("/run/docker.sock")
        assert socket.is_socket
        assert (socket.user, socket.mode & 0o007) == ("root", 0)


def test_the_engine_starts_with_the_machine_and_keeps_images_by_overlay(host: Host) -> None:
    assert host.service("docker").is_enabled
    assert host.service("docker").is_running
    info = engine(host, "print(json.dumps(engine.info()))")
    assert (info["Driver"], info["LiveRestoreEnabled"]) == ("overlay2", True)


def test_the_machine_reaches_a_container_and_another_container_does_not(
    host: Host, server: dict[str, Any]
) -> None:
    command = ["python3", "-c", ASK, address(server)]
    host.run_expect([0], 'timeout 20 sh -c \'until python3 -c "$0" "$1"; do :; done\' %s %s', *command[2:])
    ended = engine(
        host,
        f'two = engine.containers.run("probe:1", {command!r}, detach=True); '
        "status = two.wait()['StatusCode']; said = two.logs().decode(); two.remove(); "
        "print(json.dumps([status, said]))",
    )
    assert ended[0] != 0
    assert "timed out" in ended[1] or "unreachable" in ended[1] or "refused" in ended[1]


def test_logs_rotate(server: dict[str, Any]) -> None:
    kept = server["HostConfig"]["LogConfig"]
    assert kept == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}


def test_containers_outlive_a_restart_of_the_engine(host: Host, server: dict[str, Any]) -> None:
    with host.sudo():
        host.run_expect([0], "systemctl restart docker")
    after = look(host)["State"]
    assert (after["Running"], after["Pid"]) == (True, server["State"]["Pid"])


def test_the_engine_notes_what_it_starts_with(host: Host) -> None:
    with host.sudo():
        host.run_expect([0], "sha256sum --check --status /run/fairlead/docker.started-with")


def test_the_registry_is_trusted_by_its_authority(host: Host) -> None:
    trusted = host.file("/etc/docker/certs.d/198.18.1.19:5000/ca.crt").content_string
    assert trusted.startswith("-----BEGIN CERTIFICATE-----")
