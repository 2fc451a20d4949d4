# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's answers as values: of its servers, their load, its maps, its processes, its environment.

The shapes are those of HAProxy's management guide, 2.6 and 3.0. All functions are pure.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from .grammar import app_of

_FAILED = re.compile(r"\[failed: ([0-9]+)\]")
_UPTIME = re.compile(r"([0-9]+)d([0-9]+)h([0-9]+)m([0-9]+)s")


@dataclass(frozen=True)
class Running:
    """A server as it runs. ``admin`` 0 means that nobody holds it in drain or maintenance."""

    name: str
    address: str
    port: int
    admin: int
    weight: int = 1


@dataclass(frozen=True)
class Load:
    """What ``show stat`` says of a server: sessions now, and how its last check went."""

    sessions: int
    status: str  # UP, DOWN, DRAIN, MAINT …
    check: str  # L7OK, L4CON, L7STS/500 …; empty before the first check


@dataclass(frozen=True)
class Processes:
    """The workers of a master: the current ones, those that leave, and how many reloads failed."""

    workers: tuple[int, ...]
    leaving: tuple[int, ...]
    failed: int
    uptime: float  # seconds of the current worker: since the last reload


def parse_servers(text: str) -> dict[str, dict[str, Running]]:
    """Return backend → server name → server, from ``show servers state``."""
    backends: dict[str, dict[str, Running]] = {}
    head: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            head = line[2:].split()
        elif head:
            row = dict(zip(head, line.split(), strict=False))
            server = Running(
                row["srv_name"],
                row["srv_addr"],
                int(row["srv_port"]),
                int(row["srv_admin_state"]),
                int(row["srv_uweight"]),
            )
            backends.setdefault(row["be_name"], {})[server.name] = server
    return backends


def down_only(text: str, app: str) -> str:
    """Return of ``show servers state`` what a new worker shall know: the servers found down.

    The rest stays out: HAProxy takes addresses and drains from a state file too, and our files say those.
    Servers of ``app`` stay out as well.
    """
    lines = text.splitlines()
    rows = [line for line in lines[2:] if _is_down(line.split()) and app_of(line.split()[1]) != app]
    return "".join(f"{line}\n" for line in [*lines[:2], *rows])


def _is_down(row: list[str]) -> bool:
    # be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state …
    return row[5:7] == ["0", "0"]


def parse_backends(text: str) -> frozenset[str]:
    """Return the names from ``show backend``, also of backends without servers."""
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def parse_stat(text: str) -> dict[tuple[str, str], Load]:
    """Return (backend, server) → load, from ``show stat``."""
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return {
        (row["pxname"], row["svname"]): Load(int(row["scur"] or 0), row["status"], _check(row))
        for row in rows
        if row["svname"] not in ("FRONTEND", "BACKEND")
    }


def parse_map(text: str) -> dict[str, str]:
    """Return key → value from ``show map``, whose lines begin with an address in memory."""
    return parse_map_file("\n".join(line.partition(" ")[2] for line in text.splitlines()))


def parse_map_file(text: str) -> dict[str, str]:
    """Return key → value from a map file; of a key that stands twice the first counts, as in HAProxy."""
    hosts: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#"):
            hosts.setdefault(key, value.strip())
    return hosts


def parse_processes(text: str) -> Processes:
    """Return the workers from the master's ``show proc``."""
    parts: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            rows = parts.setdefault(line.strip(), [])
        elif line.strip():
            rows.append(line.split())
    workers = [row for row in parts.get("# workers", []) if row[1] == "worker"]
    return Processes(
        workers=tuple(int(row[0]) for row in workers),
        leaving=tuple(int(row[0]) for row in parts.get("# old workers", [])),
        failed=int(match[1]) if (match := _FAILED.search(text)) else 0,
        uptime=min((_seconds(row[3]) for row in workers), default=0.0),
    )


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables from ``show env``."""
    return {name: value for name, sign, value in (line.partition("=") for line in text.splitlines()) if sign}


def _seconds(uptime: str) -> float:
    match = _UPTIME.fullmatch(uptime)
    if not match:
        return 0.0
    days, hours, minutes, seconds = (int(part) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _check(row: dict[str, str]) -> str:
    status = row["check_status"].removeprefix("* ")
    code = row["check_code"]
    return f"{status}/{code}" if status == "L7STS" and code else status
