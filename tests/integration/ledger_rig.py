# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the ledger share: releases to open, who holds leases, time that passes at will."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.clock import Instant
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.deeds import Deeds
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import prepare
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import Move
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import Holder
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.records import Draft
from ansible_collections.fairlead.paas.plugins.modules.ledger import ARGUMENTS

ADA, BOB = Holder("ada", "laptop", "deploy shop"), Holder("bob", "ci", "scale shop")
FIRST = Draft(
    configuration={"app": "shop", "processes": [{"name": "web", "scale": 4}]},
    configuration_hash="a" * 16,
    image="registry:5000/shop@sha256:" + "1" * 64,
    who="ada",
    host="laptop",
    git_commit="c0ffee",
    git_dirty=True,
    message="the first",
    kind="rollback",
    irreversible=True,
    ref="main",
)
SECOND = replace(FIRST, configuration_hash="b" * 16, message="the second")
FORK = multiprocessing.get_context("spawn")


@dataclass
class Time:
    """The manager's clock, in the hand of a test."""

    now: Instant = field(default_factory=lambda: Instant("boot 1", 1000.0))

    def __call__(self) -> Instant:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now = self.now.later(seconds)

    def reboot(self, uptime: float) -> None:
        self.now = Instant(self.now.boot + "'", uptime)


def made(folder: Path) -> Path:
    """Make a ledger and return its path."""
    path = folder / "fairlead" / "ledger.db"
    prepare(path)
    return path


def opened(ledger: Ledger, app: str, draft: Draft) -> tuple[int, tuple[Move, ...]]:
    """Open or resume a release as ``claim`` does, where the lease is not what a test is about."""
    with ledger.change() as store:
        return Deeds(store, app, ADA).open(draft)


def states(path: Path, app: str = "shop") -> dict[int, str]:
    with Ledger(path, readonly=True) as ledger:
        return {release.number: release.state for release in ledger.releases(app, 1000)}


def told(path: Path, app: str = "shop") -> list[str]:
    """Return the events of an app, oldest first, in one line each."""
    with Ledger(path, readonly=True) as ledger:
        found = ledger.events(app, 1000)
    return [
        " ".join(str(word) for word in (event.who, event.kind, event.number or "-", event.text))
        for event in reversed(found)
    ]


def params(path: Path, do: str, **given: Any) -> dict[str, Any]:
    """Return all parameters of the module, as Ansible hands them over."""
    plain = {name: argument.get("default") for name, argument in ARGUMENTS.items()}
    return plain | {"path": str(path), "do": do, "app": "shop"} | given
