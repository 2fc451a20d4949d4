# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role promises to apps: runtimes in our registry, the same whichever Debian made them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

LOGIN = '{"username": "pull", "password": "pull-of-the-test"}'
REGISTRIES = ("198.18.1.71", "198.18.1.72")  # of both machines


def engine(host: Host, code: str) -> Any:
    """Run Python on the machine that prints JSON; ``engine`` is a client of its engine."""
    with host.sudo():
        prelude = "import docker, json; engine = docker.from_env(); "
        return json.loads(host.check_output("python3 -c %s", prelude + code))


def ask(host: Host, address: str, path: str, accept: str = "*/*") -> dict[str, Any]:
    """Ask a registry as nodes may."""
    code = (
        "import base64, ssl, urllib.request as http; "
        f"request = http.Request('https://{address}:5000/v2/{path}', headers={{'Accept': '{accept}', "
        "'Authorization': 'Basic ' + base64.b64encode(b'pull:pull-of-the-test').decode()}); "
        "print(http.urlopen(request, context=ssl._create_unverified_context()).read().decode())"
    )
    said: dict[str, Any] = json.loads(host.check_output("python3 -c %s", code))
    return said


@pytest.fixture(scope="module", params=["bookworm", "3.11", "latest"])
def image(host: Host, request: pytest.FixtureRequest) -> str:
    """Pull the runtime as a node does, after the machine's own copies are gone."""
    name = f"{host.ansible.get_variables()['ansible_host']}:5000/runtimes/python"
    engine(
        host,
        "[engine.images.remove(it.id, force=True) for it in engine.images.list()]; "
        f"engine.images.pull('{name}', tag='{request.param}', auth_config={LOGIN}); print('null')",
    )
    return f"{name}:{request.param}"


def test_python_runs_in_it_without_compiling_anything(host: Host, image: str) -> None:
    code = "import json, ssl, sqlite3, http.server; print(json.__cached__, 6 * 7)"
    said = engine(
        host,
        f'print(json.dumps(engine.containers.run("{image}", ["python3", "-v", "-c", "{code}"], '
        "remove=True, stderr=True, user='10001:10001').decode()))",
    )
    assert "json/__pycache__/__init__.cpython-311.pyc 42\n" in said
    assert "json/__pycache__/__init__.cpython-311.pyc matches" in said
    assert "# code object from '/usr/lib/python3.11/json/__init__.py'" not in said


def test_it_is_small_and_nothing_can_be_installed_in_it(host: Host, image: str) -> None:
    size, said = engine(
        host,
        f'print(json.dumps([engine.images.get("{image}").attrs["Size"], engine.containers.run("{image}", '
        '["sh", "-c", "command -v apt-get dpkg perl; ls /usr/share/man; ls /var/lib/apt; id -un 10001"], '
        "remove=True, stderr=False).decode()]))",
    )
    assert said == "app\n"
    assert size < 100_000_000


@pytest.mark.parametrize("name", ["python", "static"])
def test_both_debians_have_made_the_same(host: Host, name: str) -> None:
    manifest = "application/vnd.docker.distribution.manifest.v2+json"
    found = [ask(host, each, f"runtimes/{name}/manifests/latest", manifest) for each in REGISTRIES]
    assert found[0] == found[1]


def test_no_account_is_left_on_the_machine(host: Host) -> None:
    with host.sudo():
        assert host.run("grep -rlE 'push-of-the-test|auths' /root /etc/docker /var/tmp /home").stdout == ""
