# SPDX-License-Identifier: GPL-3.0-or-later
"""The allow-list through which text reaches HAProxy; whatever is outside is refused before a file is touched.

A space in a domain would pass HAProxy's own check and take the traffic of another app.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from ansible_collections.fairlead.paas.plugins.module_utils.app.domains import parse_domain
from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import (
    HTTP_PATH_HELP,
    NAME,
    NAME_HELP,
    parse_http_path,
    parse_name,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Check, Server, Table

_BACKEND = re.compile(rf"({NAME})\.({NAME})", re.ASCII)
_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)

_LONGEST = 86400.0  # seconds
_HEAVIEST = 256


def check_table(table: Table) -> None:
    """Raise ``Refused`` with every part of the table that HAProxy must never see."""
    problems = [Problem(f"table of {table.app!r}", 0, 0, *found) for found in _problems(table)]
    if problems:
        raise Refused(problems)


def is_host(text: str) -> bool:
    """Say whether the text is a host name as the map holds it: lower case, no port, no dot at its end."""
    return _parses(parse_domain, text) and text == text.lower()


def app_of(backend: str) -> str:
    """Return the app of a backend: ``shop`` of ``shop.web``."""
    return backend.partition(".")[0]


Found = tuple[str, str, str, str]  # field, problem, got, expected


def _problems(table: Table) -> Iterator[Found]:
    if not _parses(parse_name, table.app):
        yield "app", "not an app's name", repr(table.app), NAME_HELP
    names = [backend.name for backend in table.backends]
    yield from _twice("backends", names)
    for backend in table.backends:
        yield from _of_backend(table.app, backend)
    for host, name in table.hosts.items():
        yield from _of_host(host, name, names)


def _of_host(host: str, backend: str, backends: list[str]) -> Iterator[Found]:
    if not is_host(host):
        yield "hosts", "not a host name", repr(host), "lower-case letters, digits, hyphens and dots"
    if backend not in backends:
        yield f"hosts.{host}", "leads to no backend of this table", repr(backend), f"one of {backends}"


def _of_backend(app: str, backend: Backend) -> Iterator[Found]:
    match = _BACKEND.fullmatch(backend.name)
    if not match or match[1] != app:
        yield "backends", "not a backend of this app", repr(backend.name), f"{app}.PROCESS"
    yield from _of_check(f"{backend.name}.check", backend.check)
    yield from _twice(f"{backend.name}.servers", [server.name for server in backend.servers])
    for server in backend.servers:
        yield from _of_server(f"{backend.name}.servers", server)


def _of_server(field: str, server: Server) -> Iterator[Found]:
    if not _SERVER.fullmatch(server.name):
        yield field, "not a server's name", repr(server.name), "letters, digits, dots and hyphens"
    if not _is_address(server.address):
        yield field, "not an IP address", repr(server.address), "an address such as 198.18.0.11"
    if not _is_number(server.port, 1, 65535) or not isinstance(server.port, int):
        yield field, "not a port", repr(server.port), "1 to 65535"
    if not _is_number(server.weight, 1, _HEAVIEST) or not isinstance(server.weight, int):
        yield field, "not a weight", repr(server.weight), f"1 to {_HEAVIEST}"


def _of_check(field: str, check: Check) -> Iterator[Found]:
    if not _parses(parse_http_path, check.path):
        yield f"{field}.path", "not a path", repr(check.path), HTTP_PATH_HELP
    for name, value in (("interval", check.interval), ("timeout", check.timeout)):
        if not _is_number(value, 0.001, _LONGEST):
            yield f"{field}.{name}", "not a duration", repr(value), "1ms to 1d, in seconds"
    if not _is_number(check.retries, 1, 100) or not isinstance(check.retries, int):
        yield f"{field}.retries", "not a number of retries", repr(check.retries), "1 to 100"


def _parses(parse: Callable[[str], str], text: str) -> bool:
    try:
        parse(text)
    except (TypeError, ValueError):
        return False
    return True


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_address(text: str) -> bool:
    try:
        return str(ip_address(text)) == text and "%" not in text
    except ValueError:
        return False


def _twice(field: str, names: list[str]) -> Iterator[Found]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield field, "named twice", repr(name), "one of each name"
