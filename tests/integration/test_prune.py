# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning a real registry on its disk, with its own garbage collection, and this machine's engine."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.claims import Bid
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import retained
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import Holder
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.records import Draft
from ansible_collections.fairlead.paas.plugins.module_utils.registry import collecting, engines
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import (
    Registry,
    RegistryError,
    digest_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.registry.collecting import Outcome
from ansible_collections.fairlead.paas.plugins.module_utils.registry.engines import Needed, Wish
from ansible_collections.fairlead.paas.plugins.module_utils.registry.pruning import Keep, attached_tag
from tests.integration.engine_rig import (
    APP,
    PULL,
    docker,
    import_image,
    pushed_image,
    running_registry,
    sweep_images,
)
from tests.integration.ledger_rig import Home as LedgerHome
from tests.integration.registry_rig import Home, running_home

DAY = 86400.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with running_home(tmp_path) as running:
        yield running


def grow_old(home: Home, seconds: float = 9 * DAY) -> None:
    """Let all that the registry keeps have been pushed so long ago."""
    then = time.time() - seconds
    for path in (home.place / "disk").rglob("*"):
        os.utime(path, (then, then))


def prune(home: Home, *, check: bool = False, grace: float = DAY, **images: str) -> Outcome:
    """Prune all but these: NAME=DIGEST."""
    keep = Keep({f"{name}@{digest}": "kept" for name, digest in images.items()}, grace=grace)
    return collecting.prune(home.service, home.disk, home.registry, keep, check=check)


def test_what_is_not_needed_goes_and_its_bytes_are_freed_as_check_said(home: Home) -> None:
    kept = home.push("shop", "kept" * 1000, "1.0")
    lost = home.push("shop", os.urandom(200_000).hex(), "0.9")
    moved = home.push("api", "one", "latest")
    home.push("api", "two", "latest")
    signature = home.push("shop", "signature", attached_tag(lost, "sig"))
    attached = home.push("shop", "another", attached_tag(kept, "sig"))
    grow_old(home)
    before = home.disk.read().size
    said = prune(home, check=True, shop=kept)
    assert (len(said.gone), said.changed, home.disk.read().size, home.restarts) == (4, True, before, 0)
    done = prune(home, shop=kept)
    assert (done.gone, done.freed, done.left) == (said.gone, said.freed, said.left)
    assert done.freed > 100_000
    assert home.disk.read().size == done.left == before - done.freed
    assert [home.registry.digest("shop", it) for it in (kept, lost, signature, attached)] == [
        kept,
        None,
        None,
        attached,
    ]
    assert home.registry.digest("api", moved) is None
    assert home.registry.tags("shop") == sorted(home.registry.tags("shop"))
    assert "0.9" not in home.registry.tags("shop")
    again = prune(home, shop=kept)
    assert (again.changed, again.gone, again.freed) == (False, (), 0)


def test_what_was_pruned_can_be_pushed_again(home: Home) -> None:
    digest = home.push("shop", "text", "1.0")
    grow_old(home)
    assert prune(home).changed
    assert home.push("shop", "text", "1.0") == digest
    layer = next(it for it in home.registry.manifest("shop", "1.0").data["layers"])  # type: ignore[union-attr]
    assert home.registry.blob("shop", layer["digest"])


def test_what_is_young_stays_and_so_does_a_push_that_is_under_way(home: Home) -> None:
    home.push("shop", "young", "1.0")
    assert not prune(home).changed
    old = home.push("shop", "old", "0.9")
    grow_old(home)
    data = b"the first half of a push"
    home.registry.put_blob("shop", data, digest_of(data), len(data))
    put_off = prune(home)
    assert (put_off.put_off, put_off.freed, home.restarts) == (True, 0, 0)
    assert home.registry.digest("shop", old) is None
    assert home.registry.has_blob("shop", digest_of(data))
    grow_old(home)
    assert prune(home).freed > len(data)


@pytest.mark.parametrize("moment", ["read-only", "collected", "written back"])
def test_a_run_that_was_killed_is_mended_by_the_next(home: Home, moment: str) -> None:
    kept = home.push("shop", "kept", "1.0")
    home.push("shop", "lost", "0.9")
    grow_old(home)
    home.service.let_push(allowed=False)
    if moment == "collected":
        home.service.collect()
    if moment == "written back":
        home.settings.write_text(home.settings.read_text().replace("enabled: true}}", "enabled: false}}"))
    assert prune(home, check=True, shop=kept).changed
    assert prune(home, shop=kept).mended
    assert home.registry.digest("shop", kept) == kept
    assert home.push("shop", "new", "1.1")
    assert not prune(home, shop=kept).changed


def test_meanwhile_pulls_are_served_and_pushes_refused_with_the_reason(home: Home) -> None:
    kept = home.push("shop", "kept", "1.0")
    with home.service.readonly():
        assert home.registry.digest("shop", "1.0") == kept
        with pytest.raises(RegistryError, match="read-only while garbage is collected"):
            home.push("shop", "new", "1.1")
    assert home.push("shop", "new", "1.1")


def test_settings_that_do_not_say_it_are_refused_before_anything_goes(home: Home) -> None:
    digest = home.push("shop", "text", "1.0")
    grow_old(home)
    home.settings.write_text(home.settings.read_text().replace("  maintenance", "  # maintenance"))
    with pytest.raises(RegistryError, match=r"run playbooks/site\.yml"):
        prune(home)
    assert home.registry.digest("shop", digest) == digest


def test_an_image_that_is_pushed_again_meanwhile_stays(home: Home) -> None:
    digest = home.push("shop", "text", "1.0")
    grow_old(home)
    seen = home.disk.read()
    home.push("shop", "text", "1.0")
    assert not collecting._forget(home.registry, home.disk, seen.entries[0])  # noqa: SLF001 - the moment between
    assert home.registry.digest("shop", digest) == digest


def test_of_twenty_releases_every_rollback_target_can_be_pulled_afterwards(
    home: Home, tmp_path: Path
) -> None:
    ledgers = LedgerHome(path=str(tmp_path / "ledger" / "ledger.db"))
    ledgers.place.prepare()
    with Ledger(ledgers.place) as ledger:
        digests = []
        for number in range(1, 21):
            digests.append(home.push("shop", f"release {number}", f"{number}.0"))
            begun = ledger.begin("shop", Holder("ada", "laptop"), 0.0)
            bid = Bid(since_look=0.5)
            draft = Draft({"processes": []}, str(number), f"{home.registry.address}/shop@{digests[-1]}")
            ledger.claim("shop", begun.token, bid, draft)
            end = ledger.fail if number in range(8, 20) else ledger.activate
            end("shop", number, "", begun.token)
            assert "ada" in ledger.held()["shop"]
            ledger.release("shop", begun.token)
        assert ledger.held() == {}
        kept = list(retained(ledger.images(), 3))
    grow_old(home)
    keep = Keep({it["image"].partition("/")[2]: str(it["number"]) for it in kept}, grace=DAY)
    done = collecting.prune(home.service, home.disk, home.registry, keep, check=False)
    left = [number for number, it in enumerate(digests, 1) if home.registry.digest("shop", it)]
    assert left == [5, 6, 7, 18, 19, 20]
    assert len(done.gone) == 14


def tar_of(data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("data")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def test_an_engine_loses_only_images_of_our_registry_that_nothing_here_needs(engine: Engine) -> None:
    other, mine = f"localhost:1/{APP}:rig", f"{APP}-mine:rig"
    with running_registry() as running:
        kept, used = pushed_image(running, f"{APP}-kept"), pushed_image(running, f"{APP}-used")
        lost = f"{running.address}/{APP}-lost:rig"
        docker("import", "-", lost, data=tar_of(os.urandom(1_000_000)))
        for name in (other, mine):
            import_image(name)
        container = docker("create", used, "true")
        try:
            needed = (Needed(APP, kept.partition("/")[2]),)
            wish = Wish(running.address, needed, builder=True, cache=1e9)
            said = engines.prune(engine, wish, time.time, check=True)
            done = engines.prune(engine, wish, time.time, check=False)
            again = engines.prune(engine, wish, time.time, check=False)
        finally:
            docker("rm", container)
        assert said.gone == done.gone == (lost,)
        assert used.partition("/")[2] in done.used
        assert said.freed >= 1_000_000
        assert (again.gone, again.freed) == ((), 0)
        left = [name for it in engine.df()["Images"] for name in it["RepoTags"] or ()]
        assert {other, mine} <= set(left)
        assert lost not in left
    docker("rmi", other)
    sweep_images()


def test_nobody_who_pulls_notices_that_garbage_is_collected(home: Home) -> None:
    """Requests that a restart meets are tried again by the front, which is not here: so by this reader."""
    kept = home.push("shop", "kept", "1.0")
    home.push("shop", "lost", "0.9")
    grow_old(home)
    answers: list[str | None] = []
    over = threading.Event()

    def read() -> None:
        with closing(Registry(home.registry.address, PULL)) as reader:
            while not over.is_set():
                reader.wait_until_it_answers()
                try:
                    answers.append(reader.digest("shop", "1.0"))
                except RegistryError as error:
                    assert "gives no answer" in str(error)  # noqa: PT017 - between the question and the answer

    reading = threading.Thread(target=read)
    reading.start()
    try:
        assert prune(home, shop=kept).freed
    finally:
        over.set()
        reading.join()
    assert len(answers) > 3
    assert set(answers) == {kept}
