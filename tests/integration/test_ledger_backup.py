# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of the ledger on real files: what is kept, what is refused, and what comes back."""

from __future__ import annotations

import base64
import gzip
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.backup import LEAP, dump, keep, restore
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.claims import Bid, Want
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.schema import VERSION
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError
from ansible_collections.fairlead.paas.plugins.modules.ledger import run
from tests.integration.engine_rig import ansible
from tests.integration.ledger_rig import (
    ADA,
    BOB,
    FIRST,
    FORK,
    SECOND,
    Home,
    made,
    opened,
    params,
    states,
    told,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = made(tmp_path)
    with Ledger(File(path)) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1, "4 started")
    return path


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup" / "ledger.db"


def grow(path: Path) -> None:
    with Ledger(File(path)) as ledger:
        opened(ledger, "shop", SECOND)
        ledger.activate("shop", 2, "4 more")


def packed(image: bytes) -> str:
    return base64.b64encode(gzip.compress(image)).decode()


def unpacked(snapshot: str) -> bytes:
    return gzip.decompress(base64.b64decode(snapshot))


def test_a_snapshot_is_kept_whole_and_private(path: Path, backup: Path) -> None:
    edition, snapshot = dump(path)
    predicted = keep(backup, snapshot, check=True)
    assert not backup.parent.exists()
    assert keep(backup, snapshot) == predicted == (None, edition)
    assert (stat.S_IMODE(backup.stat().st_mode), stat.S_IMODE(backup.parent.stat().st_mode)) == (0o600, 0o700)
    assert states(File(backup)) == {1: "active"}
    assert dump(backup) == (edition, snapshot)
    assert [file.name for file in backup.parent.iterdir()] == ["ledger.db"]


def test_a_snapshot_holds_all_of_a_change_that_others_make_or_nothing(path: Path, backup: Path) -> None:
    with Ledger(File(path)) as ledger, ledger.change() as store:
        store.add_release("blog", 1, FIRST, "2026-01-02T03:04:05Z")
        keep(backup, dump(path)[1])
    assert states(File(backup), "blog") == {}
    keep(backup, dump(path)[1])
    assert states(File(backup), "blog") == {1: "pending"}


def test_an_older_snapshot_does_not_replace_a_newer_one(path: Path, backup: Path) -> None:
    older, late = dump(path)
    grow(path)
    newer, snapshot = dump(path)
    assert older.change < newer.change
    keep(backup, snapshot)
    assert keep(backup, late) == keep(backup, snapshot) == (newer, newer)
    assert states(File(backup)) == {1: "superseded", 2: "active"}


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: ledger.begin("blog", BOB, 0.5),
        lambda ledger: ledger.renew("shop", 1),
        lambda ledger: ledger.claim("shop", 1, Bid(since_look=0.5)),
        lambda ledger: ledger.settle("shop", 1),
        lambda ledger: ledger.release("shop", 1),
        lambda ledger: ledger.remove("shop", 1),
    ],
)
def test_every_change_makes_the_ledger_newer(path: Path, change: Callable[[Ledger], object]) -> None:
    with Ledger(File(path)) as ledger:
        ledger.begin("shop", ADA, 0.5)
        before, _ = dump(path)
        with Ledger(File(path), readonly=True) as foreseen:
            change(foreseen)
        assert dump(path)[0] == before
        change(ledger)
    assert dump(path)[0].change > before.change


def of_schema(version: int) -> Callable[[bytes], bytes]:
    def changed(image: bytes) -> bytes:
        return image[:60] + version.to_bytes(4, "big") + image[64:]

    return changed


def scratched(image: bytes) -> bytes:
    """Return the file with one page of it written over, as a bad disk does."""
    return image[:4096] + b"\xa5" * 4096 + image[8192:]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda snapshot: snapshot[: len(snapshot) // 2 // 4 * 4], "is torn, or none"),
        (lambda snapshot: snapshot[:-4], "is torn, or none"),
        (lambda snapshot: snapshot[:-5], "is torn, or none"),
        (lambda _: "", "is torn, or none"),
        (lambda _: "no snapshot", "is torn, or none"),
        (lambda _: packed(b"no ledger"), "is torn, or none"),
        (lambda snapshot: packed(scratched(unpacked(snapshot))), r"is damaged \(.+\): it is not used"),
        (lambda snapshot: packed(of_schema(1)(unpacked(snapshot))), "schema 1, this Fairlead needs 3"),
        (lambda snapshot: packed(of_schema(9)(unpacked(snapshot))), "by a newer Fairlead"),
    ],
)
def test_a_bad_snapshot_is_refused_by_all_and_the_backup_stays(
    path: Path, backup: Path, spoil: Callable[[str], str], said: str
) -> None:
    keep(backup, dump(path)[1])
    grow(path)
    before, ledger = backup.read_bytes(), dump(path)
    for check in (True, False):
        with pytest.raises(LedgerError, match=said):
            keep(backup, spoil(ledger[1]), check=check)
        with pytest.raises(LedgerError, match=said):
            restore(path, spoil(ledger[1]), force=True, check=check)
    assert backup.read_bytes() == before
    assert dump(path) == ledger


def test_the_backup_of_a_lost_ledger_is_not_replaced_by_that_of_a_new_one(path: Path, backup: Path) -> None:
    keep(backup, dump(path)[1])
    path.unlink()
    File(path).prepare()
    with Ledger(File(path)) as ledger:
        for number in range(5):
            opened(ledger, f"app{number}", FIRST)
    with pytest.raises(LedgerError, match=r"of another ledger, .* Put it back with playbooks/restore\.yml"):
        keep(backup, dump(path)[1])
    assert states(File(backup)) == {1: "active"}


def test_a_backup_that_is_worth_nothing_is_replaced(path: Path, backup: Path) -> None:
    backup.parent.mkdir()
    backup.write_bytes(b"torn")
    keep(backup, dump(path)[1])
    assert states(File(backup)) == {1: "active"}


def _keep_on(backup: Path, snapshots: list[str], begun: Queue[int]) -> None:
    begun.put(os.getpid())
    for snapshot in snapshots:
        keep(backup, snapshot)


def test_a_killed_keep_leaves_the_backup_whole_and_no_litter_for_long(path: Path, backup: Path) -> None:
    snapshots = []
    for number in range(60):
        with Ledger(File(path)) as ledger:
            opened(ledger, f"app{number}", FIRST)
        snapshots.append(dump(path)[1])
    keep(backup, snapshots[0])
    for turn in range(1, 6):
        begun: Queue[int] = FORK.Queue()
        writer = FORK.Process(target=_keep_on, args=(backup, snapshots, begun))
        writer.start()
        begun.get(timeout=60)
        was = backup.stat().st_ino
        while writer.is_alive() and backup.stat().st_ino == was and turn > 1:
            pass
        writer.kill()
        writer.join()
        with closing(sqlite3.connect(backup)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert dump(backup)[1] in snapshots
    (backup.parent / ".ledger.db.torn").write_bytes(b"by a run that was killed")
    grow(path)
    keep(backup, dump(path)[1])
    assert [file.name for file in backup.parent.iterdir()] == ["ledger.db"]


def _keep_one(backup: Path, snapshot: str) -> None:
    keep(backup, snapshot)


def test_of_two_that_come_at_once_the_newer_stays(path: Path, backup: Path) -> None:
    older = dump(path)[1]
    grow(path)
    newest, newer = dump(path)
    for snapshots in ((older, newer), (newer, older)):
        keepers = [FORK.Process(target=_keep_one, args=(backup, snapshot)) for snapshot in snapshots]
        for keeper in keepers:
            keeper.start()
        for keeper in keepers:
            keeper.join(60)
            assert keeper.exitcode == 0
        assert dump(backup)[0] == newest
        backup.unlink()


def test_a_lost_ledger_comes_back_with_every_release_and_event(path: Path) -> None:
    grow(path)
    with Ledger(File(path)) as ledger:
        opened(ledger, "blog", FIRST)
        before = ledger.releases("shop", 20), ledger.releases("blog", 20), told(File(path))
    edition, snapshot = dump(path)
    path.unlink()
    assert restore(path, snapshot, check=True) == edition
    assert not path.exists()
    assert restore(path, snapshot) == edition
    with Ledger(File(path)) as ledger:
        assert (ledger.releases("shop", 20), ledger.releases("blog", 20), told(File(path))) == before
        assert opened(ledger, "blog", SECOND)[0] == 2
    assert File(path).prepare() == ()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_ledger_with_releases_is_not_restored_over_unless_forced(path: Path) -> None:
    _, snapshot = dump(path)
    grow(path)
    with pytest.raises(LedgerError, match=r"There is a ledger at .*, with 2 releases: nothing was restored"):
        restore(path, snapshot)
    assert states(File(path)) == {1: "superseded", 2: "active"}
    restore(path, snapshot, force=True)
    assert states(File(path)) == {1: "active"}


def test_an_empty_ledger_as_site_yml_makes_it_is_restored_over(path: Path) -> None:
    _, snapshot = dump(path)
    path.unlink()
    File(path).prepare()
    restore(path, snapshot)
    assert states(File(path)) == {1: "active"}


def test_a_damaged_ledger_is_restored_over_only_if_forced(path: Path) -> None:
    _, snapshot = dump(path)
    path.write_bytes(b"not a database, for sure" * 1000)
    with pytest.raises(LedgerError, match=r"cannot be read .* playbooks/restore\.yml -e force=true"):
        restore(path, snapshot)
    restore(path, snapshot, force=True)
    assert states(File(path)) == {1: "active"}


def test_what_lies_beside_a_lost_ledger_does_not_get_into_the_restored_one(path: Path) -> None:
    _, snapshot = dump(path)
    with Ledger(File(path)) as ledger:
        opened(ledger, "shop", SECOND)
        path.unlink()  # its log of changes stays
        assert path.with_name("ledger.db-wal").stat().st_size
        restore(path, snapshot)
    assert states(File(path)) == {1: "active"}
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_after_a_restore_no_token_comes_again_and_the_next_run_looks_again(path: Path) -> None:
    with Ledger(File(path)) as ledger:
        ledger.begin("shop", ADA, 0.5)
        ledger.release("shop", 1)
        _, snapshot = dump(path)
        lost = [ledger.begin("shop", BOB, 0.5).token, ledger.begin("blog", BOB, 0.5).token]
        restore(path, snapshot, force=True)
        for app in ("shop", "blog"):
            assert ledger.begin(app, ADA, 0.5).token > max(lost)
        with pytest.raises(LedgerError, match="was taken over by ada"):
            ledger.activate("shop", 1, "late", lost[0])
        ledger.release("shop", 2 + LEAP)
        assert ledger.begin("shop", ADA, 0.0).stale


def test_a_lease_that_was_live_when_the_backup_was_made_holds_nobody_up_after_a_restore(path: Path) -> None:
    with Ledger(File(path)) as ledger:
        token = ledger.begin("shop", ADA, 0.5).token
        ledger.claim("shop", token, Bid(since_look=0.5, wants=(Want("shop.web.1", "n1", 25701, 1, 0.1),)))
        restore(path, dump(path)[1], force=True)
        begun = ledger.begin("shop", BOB, 0.0)
        assert begun.token > token
        assert begun.stale
        assert ledger.begin("blog", BOB, 0.0).claims == ()
        with pytest.raises(LedgerError, match="was taken over by bob"):
            ledger.renew("shop", token)


def test_backups_go_on_after_a_restore(path: Path, backup: Path) -> None:
    _, snapshot = dump(path)
    grow(path)
    keep(backup, dump(path)[1])  # newer than what is restored
    restore(path, snapshot, force=True)
    before, after = keep(backup, dump(path)[1])
    assert before != after
    assert states(File(backup)) == {1: "active"}


def test_through_ansible_the_snapshot_is_carried_and_never_shown(path: Path, backup: Path) -> None:
    snapshot = run(params(Home(str(path)), "dump"), check=False)["snapshot"]
    kept = ansible("ledger", {"do": "keep", "snapshot": snapshot, "backup": str(backup)}, "-vvv", "--diff")
    assert (kept["changed"], kept["diff"]["before"]) == (True, "")
    assert snapshot[:40] not in str(kept)
    again = ansible("ledger", {"do": "keep", "snapshot": snapshot, "backup": str(backup)})
    assert not again["changed"]
    path.unlink()
    back = ansible("ledger", {"do": "restore", "path": str(path), "snapshot": dump(backup)[1]})
    assert (back["changed"], back["change"]) == (True, kept["change"])
    refused = ansible("ledger", {"do": "restore", "path": str(path), "snapshot": dump(backup)[1]})
    assert refused["msg"].startswith(f"There is a ledger at {path}, with 1 release: nothing was restored.")
    assert states(File(path)) == {1: "active"}
