# SPDX-License-Identifier: GPL-3.0-or-later
"""What the registry promises to builders, nodes and everybody else."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

PUSH, PULL = "push:push-of-the-test", "pull:pull-of-the-test"
SHOP, TWO = "shop-ci:shop-of-the-test", "two-ci:two-of-the-test"
BLOB = b"a layer"
BLOB_DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(BLOB),
            "digest": BLOB_DIGEST,
        },
        "layers": [],
    }
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Client:
    """Speaks to the registry from this machine, over TLS, trusting what it is told to trust."""

    address: str
    context: ssl.SSLContext

    def ask(self, method: str, path: str, login: str = "", body: bytes | str = b"", **headers: str) -> Answer:
        lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return self.ask_raw(method, path, [*lines, *basic(login)], body)

    def ask_raw(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | str = b""
    ) -> Answer:
        content = body.encode() if isinstance(body, str) else body
        connection = http.client.HTTPSConnection(self.address, 5000, context=self.context, timeout=10)
        try:
            connection.putrequest(method, path)
            for name, value in [*headers, ("Content-Length", str(len(content)))]:
                connection.putheader(name, value)
            connection.endheaders(content)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def push(self, login: str, tag: str, name: str = "shop") -> list[int]:
        """Push one blob and a manifest of it, as a builder does; return each answer's status."""
        begun = self.ask("POST", f"/v2/{name}/blobs/uploads/", login)
        if begun.status != http.client.ACCEPTED:
            return [begun.status]
        place = begun.headers["Location"]
        sent = self.ask("PUT", f"{place}&digest={BLOB_DIGEST}", login, BLOB)
        named = self.ask("PUT", f"/v2/{name}/manifests/{tag}", login, MANIFEST, Content_Type=MANIFEST_TYPE)
        return [begun.status, sent.status, named.status]


def basic(login: str) -> list[tuple[str, str]]:
    return [("Authorization", "Basic " + base64.b64encode(login.encode()).decode())] if login else []


@pytest.fixture(scope="module")
def client(host: Host) -> Client:
    authority = host.file("/etc/fairlead/authority/ca.crt").content_string
    address: str = host.ansible.get_variables()["ansible_host"]
    return Client(address, ssl.create_default_context(cadata=authority))


def test_who_does_not_say_who_they_are_is_refused(client: Client) -> None:
    assert client.ask("GET", "/v2/").status == 401
    assert client.ask("POST", "/v2/shop/blobs/uploads/").status == 401


@pytest.mark.parametrize("login", ["push:wrong", "pull:wrong", "push:", "root:root", "push:pull-of-the-test"])
def test_a_wrong_password_is_refused(client: Client, login: str) -> None:
    assert client.ask("GET", "/v2/", login).status == 401


def test_the_push_account_pushes_and_the_pull_account_pulls(client: Client) -> None:
    assert client.push(PUSH, "1") == [202, 201, 201]
    pulled = client.ask("GET", "/v2/shop/manifests/1", PULL, Accept=MANIFEST_TYPE)
    assert (pulled.status, pulled.body.decode()) == (200, MANIFEST)
    assert client.ask("GET", f"/v2/shop/blobs/{BLOB_DIGEST}", PULL).body == BLOB


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/shop/blobs/uploads/"),
        ("PUT", "/v2/shop/manifests/1"),
        ("PATCH", "/v2/shop/blobs/uploads/x"),
        ("DELETE", "/v2/shop/manifests/1"),
    ],
)
def test_the_pull_account_cannot_write(client: Client, method: str, path: str) -> None:
    refused = client.ask(method, path, PULL)
    assert refused.status == 403
    assert json.loads(refused.body)["errors"][0]["message"] == "this account may only pull"


@pytest.mark.parametrize(
    "headers",
    [
        [*basic(PULL), *basic("push:x")],
        [*basic("push:x"), *basic(PULL)],
        [("Authorization", basic(PULL)[0][1] + ", " + basic("push:x")[0][1])],
        [("Authorization", "Basic  " + basic(PULL)[0][1][6:])],
        [("Authorization", "basic " + basic(PULL)[0][1][6:])],
        [("Authorization", "Bearer push")],
        [("authorization", basic(PULL)[0][1]), ("AUTHORIZATION", basic("push:x")[0][1])],
        [*basic(PULL), ("X-HTTP-Method-Override", "GET")],
        basic("push\0:x"),
        basic("push"),
    ],
)
def test_no_trick_with_logins_makes_a_writer(client: Client, headers: list[tuple[str, str]]) -> None:
    assert client.ask_raw("POST", "/v2/shop/blobs/uploads/", headers).status in (400, 401, 403)


def test_an_account_of_one_app_pushes_its_images_and_pulls_all(client: Client) -> None:
    assert client.push(SHOP, "ci") == [202, 201, 201]
    assert client.push(TWO, "ci", "shop-two") == [202, 201, 201]
    assert client.push(PUSH, "1", "other") == [202, 201, 201]
    for path in ("shop/manifests/ci", "other/manifests/1", "shop-two/manifests/ci"):
        assert client.ask("GET", f"/v2/{path}", SHOP, Accept=MANIFEST_TYPE).status == 200
    mounted = client.ask("POST", f"/v2/shop/blobs/uploads/?mount={BLOB_DIGEST}&from=other", SHOP)
    assert mounted.status == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/other/blobs/uploads/"),
        ("POST", f"/v2/other/blobs/uploads/?mount={BLOB_DIGEST}&from=shop"),
        ("PUT", "/v2/other/manifests/1"),
        ("PUT", "/v2/shop-two/manifests/1"),
        ("PUT", "/v2/shop/other/manifests/1"),
        ("PUT", "/v2/base/shop/manifests/1"),
        ("DELETE", "/v2/shop/manifests/" + BLOB_DIGEST),
        ("DELETE", "/v2/shop/blobs/" + BLOB_DIGEST),
        ("DELETE", "/v2/shop/blobs/uploads/x"),
        ("PUT", f"/v2/shop/manifests/sha256-{BLOB_DIGEST[7:]}.sig"),
        ("PUT", "/v2/shop/../other/manifests/1"),
        ("PUT", "/v2/shop/manifests/../../other/manifests/1"),
        ("PUT", "/v2/shop/%2e%2e/other/manifests/1"),
        ("PUT", "/v2/shop/manifests/..%2f..%2fother%2fmanifests%2f1"),
        ("PUT", "/v2/shop/manifests/%2e%2e/%2e%2e/other/manifests/1"),
        ("PUT", "//v2/shop/manifests/1"),
        ("PUT", "/v2//shop/manifests/1"),
        ("PUT", "/v2/shop//manifests/1"),
        ("PUT", "/v2/shop/manifests//1"),
        ("PUT", "/V2/shop/manifests/1"),
        ("PUT", "/v2/SHOP/manifests/1"),
        ("PUT", "/v2/other/manifests/1?/v2/shop/manifests/1"),
        ("PUT", "/v2/other/manifests/1;/v2/shop/manifests/1"),
        ("PUT", "http://registry/v2/other/manifests/1"),
        ("POST", "/v2/shop/blobs/uploads/../../../other/blobs/uploads/"),
        ("MKCOL", "/v2/shop/manifests/1"),
    ],
)
def test_an_account_of_one_app_writes_nothing_else(client: Client, method: str, path: str) -> None:
    sent = [*basic(SHOP), ("Content-Type", MANIFEST_TYPE)]
    refused = client.ask_raw(method, path, sent, MANIFEST)
    assert refused.status == 403
    assert json.loads(refused.body)["errors"][0]["message"] == "this account may only pull, and push to shop"
    assert client.ask("GET", "/v2/other/tags/list", PUSH).status in (200, 404)


@pytest.mark.parametrize("login", ["shop-ci:wrong", "shop-ci:two-of-the-test", "shop-ci:"])
def test_an_account_of_one_app_needs_its_password(client: Client, login: str) -> None:
    assert client.push(login, "ci") == [401]


def test_what_was_pushed_can_be_deleted(client: Client) -> None:
    assert client.push(PUSH, "gone") == [202, 201, 201]
    digest = client.ask("HEAD", "/v2/shop/manifests/gone", PUSH, Accept=MANIFEST_TYPE).headers[
        "Docker-Content-Digest"
    ]
    assert client.ask("DELETE", f"/v2/shop/manifests/{digest}", PUSH).status == 202
    assert client.ask("GET", "/v2/shop/manifests/gone", PULL, Accept=MANIFEST_TYPE).status == 404


def test_who_does_not_trust_the_authority_is_warned(client: Client) -> None:
    stranger = Client(client.address, ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get local issuer"):
        stranger.ask("GET", "/v2/")


def test_the_registry_is_reached_through_its_front_only(host: Host, client: Client) -> None:
    with host.sudo():
        listening = host.check_output("ss --tcp --listening --numeric --processes --no-header")
    places: dict[str, list[str]] = {"docker-registry": [], "haproxy": []}
    for line in listening.splitlines():
        for name, found in places.items():
            if f'"{name}"' in line:
                found.append(line.split()[3])
    assert places == {"docker-registry": ["127.0.0.1:5001"], "haproxy": [f"{client.address}:5000"]}


def test_keys_and_accounts_are_not_for_everybody(host: Host) -> None:
    with host.sudo():
        for key in ("/etc/fairlead/authority/ca.key", "/etc/fairlead/registry/server.pem.key"):
            assert (host.file(key).user, host.file(key).mode) == ("root", 0o600)
        accounts = host.file("/etc/docker/registry/accounts")
        assert (accounts.user, accounts.group, accounts.mode) == ("root", "docker-registry", 0o640)
        assert accounts.content_string.count("$2b$") == 4
        assert "of-the-test" not in accounts.content_string


@pytest.mark.parametrize("name", ["docker-registry", "fairlead-registry-front"])
def test_both_services_run_now_and_after_a_reboot(host: Host, name: str) -> None:
    service: Any = host.service(name)
    assert (service.is_running, service.is_enabled) == (True, True)


def test_other_accounts_count_at_once(host: Host, client: Client) -> None:
    path = "/etc/docker/registry/accounts"
    with host.sudo():
        host.run_expect([0], f"cp {path} {path}.kept && sed --in-place /^pull:/d {path}")
        try:
            assert client.ask("GET", "/v2/", PULL).status == 401
        finally:
            host.run_expect([0], f"cat {path}.kept > {path} && rm {path}.kept")
    assert client.ask("GET", "/v2/", PULL).status == 200


def settings_of(host: Host) -> str:
    text: str = host.file("/etc/docker/registry/config.yml").content_string
    return text


def test_what_nothing_needs_is_pruned_and_pushes_meanwhile_are_told_why(host: Host, client: Client) -> None:
    """A registry that a killed run has left read-only refuses pushes, serves pulls, and is mended."""
    assert client.push(PUSH, "kept", "pruned") == [202, 201, 201]
    with host.sudo():
        command = "sed -i 's/{enabled: false}}/{enabled: true}}/' /etc/docker/registry/config.yml"
        host.run_expect([0], command)
        host.run_expect([0], "systemctl restart docker-registry")
    assert client.ask("GET", "/v2/pruned/manifests/kept", PULL, Accept=MANIFEST_TYPE).status == 200
    refused = client.ask("POST", "/v2/pruned/blobs/uploads/", PUSH)
    assert refused.status == 503
    assert "read-only while garbage is collected" in json.loads(refused.body)["errors"][0]["message"]
    done = pruned(host)
    assert done["changed"], done
    assert "readonly: {enabled: false}" in settings_of(host)
    assert client.push(PUSH, "kept", "pruned") == [202, 201, 201]
    assert not pruned(host)["changed"]


def pruned(host: Host) -> dict[str, Any]:
    asked = {
        "place": "registry",
        "apps": str(Path(__file__).parents[5] / "apps"),
        "kept": {"kept": [], "busy": {}},
        "push_auth": {"username": "push", "password": "push-of-the-test"},
    }
    answer: dict[str, Any] = host.ansible("fairlead.paas.prune", json.dumps(asked), become=True, check=False)
    return answer
