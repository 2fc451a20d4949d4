# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's configuration does with clients' requests, asked of a real HAProxy."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.converge import converge
from tests.integration.router_rig import Router, running_router, table


@pytest.fixture(scope="module")
def router() -> Iterator[Router]:
    with running_router() as running:
        converge(running.place, table(running.instance()), drain=1, deadline=10)
        converge(running.place, table(app="empty"), drain=1, deadline=10)
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "shop.example.com",
        "SHOP.Example.Com",
        "shop.example.com:8080",
        "shop.example.com.",
        "shop.example.com.:80",
    ],
)
def test_a_host_is_found_however_it_is_written(router: Router, host: str) -> None:
    assert router.get(host).status == 200


@pytest.mark.parametrize(
    "host", ["other.example.com", "example.com", "shop.example.com.evil.org", "127.0.0.1", ""]
)
def test_an_unknown_host_gets_the_page_that_says_so(router: Router, host: str) -> None:
    answer = router.get(host)
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no app at this address" in answer.body


def test_an_app_without_instances_says_when_to_ask_again(router: Router) -> None:
    answer = router.get("empty.example.com")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "not available right now" in answer.body


def test_what_a_client_claims_of_itself_is_replaced(router: Router) -> None:
    lies = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "bank.example.com",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Prefix": "/admin",
        "X-Real-IP": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "X-Request-Id": "mine",
    }
    answer = router.get("shop.example.com", "/headers", lies)
    seen = json.loads(answer.body)
    assert [pair for pair in seen if pair[0].startswith("x-forwarded") or "1.2.3.4" in pair[1]] == [
        ["x-forwarded-for", "127.0.0.1"],
        ["x-forwarded-proto", "http"],
        ["x-forwarded-host", "shop.example.com"],
        ["x-forwarded-port", str(router.port)],
    ]
    assert ["x-request-id", answer.headers["x-request-id"]] in seen
    assert answer.headers["x-request-id"] != "mine"


@pytest.mark.parametrize("name", ["X_Forwarded_For", "x.name", "Content_Length", "X!"])
def test_a_header_name_that_an_app_may_misread_is_refused(router: Router, name: str) -> None:
    assert router.get("shop.example.com", headers={name: "1"}).status == 400
