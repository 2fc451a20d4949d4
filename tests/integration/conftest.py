# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests against this machine's own Docker engine share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
from tests.integration.engine_rig import (
    APP,
    Registry,
    Wanted,
    pushed_image,
    running_registry,
    sweep,
    sweep_images,
)
from tests.integration.ledger_rig import Home
from tests.integration.postgres_rig import Server, running_server


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    client = connect()
    sweep(client)
    sweep_images()
    yield client
    sweep(client)
    sweep_images()
    client.close()


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    with running_registry() as running:
        yield running


@pytest.fixture(scope="session")
def digest(engine: Engine, registry: Registry) -> str:
    """Return a small image of our registry, by its digest; the engine holds it."""
    assert engine.info()
    return pushed_image(registry, APP)


@pytest.fixture
def wanted(engine: Engine, digest: str) -> Iterator[Wanted]:
    yield Wanted(digest)
    sweep(engine)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(params=["file", "database"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """Return where a ledger can be made: each test runs on a file and on a database."""
    if request.param == "file":
        return Home(path=str(tmp_path / "fairlead" / "ledger.db"))
    return Home(url=request.getfixturevalue("postgres").fresh())


@pytest.fixture
def home(bare: Home) -> Home:
    """Return where a new ledger is."""
    bare.place.prepare()
    return bare
