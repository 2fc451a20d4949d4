# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router promises to clients, to apps and to those who run it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

ASK = """
import http.client, json, sys
address, port, method, path, headers = json.loads(sys.argv[1])
connection = http.client.HTTPConnection(address, port, timeout=10)
connection.request(method, path, headers=headers)
answer = connection.getresponse()
print(json.dumps([answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()]))
"""
CHECK = {"path": "/_ping", "interval": 0.5, "timeout": 0.5, "retries": 2}


def ask(host: Host, name: str, path: str = "/", method: str = "GET", **headers: str) -> list[Any]:
    """Return status, headers and body that the router gives on its loopback address."""
    asked = json.dumps(["127.0.0.1", 80, method, path, {"Host": name} | headers])
    answer: list[Any] = json.loads(host.check_output("python3 -c %s %s", ASK, asked))
    return answer


def route(host: Host, *ports: int, **options: Any) -> dict[str, Any]:
    """Run the module for the app ``shop`` with servers on these ports."""
    servers = [{"name": f"web.1-n1-{port}", "address": "127.0.0.1", "port": port} for port in ports]
    backend = {"name": "shop.web", "check": CHECK, "servers": servers}
    table = {"app": "shop", "hosts": {"shop.example.com": "shop.web"}, "backends": [backend]}
    given = json.dumps({"table": table, "drain": 2, **options})
    result: dict[str, Any] = host.ansible("fairlead.paas.route", given, become=True, check=False)
    return result


def admin(host: Host, command: str) -> str:
    """Return what HAProxy answers on its admin socket."""
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); "
        "s.sendall(sys.argv[1].encode() + b'\\n'); print(s.makefile().read())"
    )
    with host.sudo():
        return str(host.check_output("python3 -c %s %s", code, command))


def test_the_routed_app_answers_with_a_request_id(host: Host) -> None:
    status, headers, body = ask(host, "Shop.Example.com:80")
    assert (status, body) == (200, "good")
    assert headers["x-request-id"]


def test_an_unknown_host_gets_a_clear_page(host: Host) -> None:
    status, _, body = ask(host, "nobody.example.com")
    assert status == 404
    assert "no app at this address" in body


def test_an_app_without_a_healthy_instance_says_when_to_come_back(host: Host) -> None:
    status, headers, body = ask(host, "empty.example.com")
    assert (status, headers["retry-after"]) == (503, "7")
    assert "not available right now" in body


def test_what_a_client_says_of_itself_is_replaced(host: Host) -> None:
    lies = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "Forwarded": "for=1.2.3.4"}
    _, _, body = ask(host, "shop.example.com", "/headers", "GET", **lies)
    seen = dict(json.loads(body))
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert seen["x-forwarded-host"] == "shop.example.com"
    assert "forwarded" not in seen


def test_a_header_name_that_an_app_may_misread_is_refused(host: Host) -> None:
    assert ask(host, "shop.example.com", "/", "GET", X_Forwarded_For="1.2.3.4")[0] == 400


def test_statistics_are_on_the_private_address_only(host: Host) -> None:
    address = str(host.ansible.get_variables()["ansible_host"])
    with host.sudo():
        listening = host.check_output("ss --tcp --listening --numeric --no-header").splitlines()
    assert [line.split()[3] for line in listening if line.split()[3].endswith(":8404")] == [f"{address}:8404"]
    answer = json.loads(
        host.check_output("python3 -c %s %s", ASK, json.dumps([address, 8404, "GET", "/metrics", {}]))
    )
    assert answer[0] == 200
    assert "haproxy_server_status" in answer[2]


@pytest.mark.parametrize("path", ["/run/haproxy/admin.sock", "/run/haproxy-master.sock"])
def test_the_sockets_are_roots_alone(host: Host, path: str) -> None:
    with host.sudo():
        socket = host.file(path)
        assert (socket.is_socket, socket.user, socket.mode) == (True, "root", 0o600)


def test_haproxy_starts_with_the_machine_and_reloads_by_its_unit(host: Host) -> None:
    assert host.service("haproxy").is_enabled
    with host.sudo():
        host.run_expect([0], "systemctl reload haproxy")
    assert ask(host, "shop.example.com")[0] == 200


def test_servers_are_replaced_without_a_reload_and_survive_one(host: Host) -> None:
    result = route(host, 25702)
    assert (result["changed"], result["reloaded"]) == (True, False)
    assert ask(host, "shop.example.com")[2] == "other"
    with host.sudo():
        host.run_expect([0], "systemctl reload haproxy")
    assert ask(host, "shop.example.com")[2] == "other"
    assert route(host, 25702)["changed"] is False
    assert route(host, 25701)["reloaded"] is False


def test_an_unhealthy_server_is_refused_and_the_old_one_serves(host: Host) -> None:
    result = route(host, 25703, deadline=2)
    assert "shop.web/web.1-n1-25703: L7STS/500" in result["msg"]
    assert ask(host, "shop.example.com")[2] == "good"
    assert route(host, 25701)["changed"] is False


def test_a_landed_file_that_nobody_reloaded_is_seen(host: Host) -> None:
    with host.sudo():
        host.run_expect([0], "sed -i '/setenv FAIRLEAD_ROUTER/s/$/x/' /etc/haproxy/haproxy.cfg")
    given = json.dumps({"arguments": "-S /run/haproxy-master.sock,mode,600 -f /etc/haproxy/apps"})
    assert host.ansible("fairlead.paas.router", given, become=True, check=False)["action"] == "reload"
    assert admin(host, "show env FAIRLEAD_ROUTER").strip().endswith("x")
    assert host.ansible("fairlead.paas.router", given, become=True, check=False)["changed"] is False
