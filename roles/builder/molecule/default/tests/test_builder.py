# SPDX-License-Identifier: GPL-3.0-or-later
"""What the builder promises to apps: a base image in our registry that Python runs in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

LOGIN = '{"username": "pull", "password": "pull-of-the-test"}'


def engine(host: Host, code: str) -> Any:
    """Run Python on the machine that prints JSON; ``engine`` is a client of its engine."""
    with host.sudo():
        prelude = "import docker, json; engine = docker.from_env(); "
        return json.loads(host.check_output("python3 -c %s", prelude + code))


@pytest.fixture(scope="module", params=["", "latest"], ids=["codename", "latest"])
def image(host: Host, request: pytest.FixtureRequest) -> str:
    """Pull the base image as a node does, after the machine's own copies are gone."""
    address = host.ansible.get_variables()["ansible_host"]
    tag = request.param or {"12": "bookworm", "13": "trixie"}[host.backend.hostname.rpartition("-")[2]]
    name = f"{address}:5000/base/python"
    engine(
        host,
        "[engine.images.remove(it.id, force=True) for it in engine.images.list()]; "
        f"engine.images.pull('{name}', tag='{tag}', auth_config={LOGIN}); print('null')",
    )
    return f"{name}:{tag}"


def test_python_runs_in_it(host: Host, image: str) -> None:
    said = engine(
        host,
        f'print(json.dumps(engine.containers.run("{image}", '
        '["python3", "-c", "import ssl, sqlite3, http.server; print(6 * 7)"], remove=True).decode()))',
    )
    assert said == "42\n"


def test_it_can_be_built_upon_and_is_small(host: Host, image: str) -> None:
    size, missing = engine(
        host,
        f'print(json.dumps([engine.images.get("{image}").attrs["Size"], engine.containers.run("{image}", '
        '["sh", "-c", "command -v apt-get >/dev/null; echo $?; ls /usr/share/man | wc -l"], remove=True)'
        ".decode()]))",
    )
    assert missing.split() == ["0", "0"]
    assert size < 200_000_000


def test_its_key_is_root_s_alone_and_nodes_are_told_the_other_half(host: Host) -> None:
    with host.sudo():
        folder, key = host.file("/etc/fairlead/signing"), host.file("/etc/fairlead/signing/key")
        assert (folder.user, folder.mode, key.user, key.mode) == ("root", 0o700, "root", 0o600)
        public = host.file("/etc/fairlead/signing/key.pub").content_string.strip()
    assert public.startswith("ssh-ed25519 ")
    assert public.endswith(f" fairlead builder {host.backend.hostname}")
    signers = host.file("/etc/fairlead/signers")
    assert (signers.user, signers.mode) == ("root", 0o644)
    said, *trusted = signers.content_string.splitlines()
    assert said.startswith("# ")
    assert len(trusted) == 2
    assert f'fairlead namespaces="fairlead-image" {public}' in trusted


def test_base_images_are_signed_when_they_are_pushed(host: Host) -> None:
    address = host.ansible.get_variables()["ansible_host"]
    tag = {"12": "bookworm", "13": "trixie"}[host.backend.hostname.rpartition("-")[2]]
    digest = engine(
        host,
        f"print(json.dumps(engine.images.get_registry_data('{address}:5000/base/python:{tag}', "
        f"auth_config={LOGIN}).id))",
    )
    account = {"username": "push", "password": "push-of-the-test"}
    asked = {"images": [f"x/base/python@{digest}"], "registry": f"{address}:5000", "push_auth": account}
    answer = host.ansible("fairlead.paas.sign", json.dumps(asked), become=True)
    assert (answer.get("failed", False), answer["changed"]) == (False, False), answer


def test_no_account_is_left_on_the_machine(host: Host) -> None:
    with host.sudo():
        assert host.run("grep -rlE 'push-of-the-test|auths' /root /etc/docker /var/tmp /home").stdout == ""
