# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger made anew from what machines still show: active releases, and tokens above all that were seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .backup import LEAP, aside_of
from .clock import Instant
from .deeds import Deeds, utc
from .file import File, connect, saying
from .history import ACTIVE, FAILED, Move
from .lease import Holder, Lease
from .ledger import Ledger
from .records import Draft
from .session import Damaged, LedgerError, Place
from .store import Store

RECOVERED = "recovered"
_LONG_AGO = Instant("", 0.0)


@dataclass(frozen=True)
class Found:
    """A release as machines show it; without a ``configuration`` its number is all that is known."""

    app: str
    number: int
    image: str
    configuration: Mapping[str, Any]
    configuration_hash: str
    source: str  # from what, in words


@dataclass(frozen=True)
class Survey:
    """Which ledger a file is of, and how many releases it has."""

    ledger: str
    releases: int


@dataclass(frozen=True)
class Evidence:
    """What machines show: releases, the highest token of each app, and the backups by who keeps them."""

    found: Sequence[Found] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    backups: Mapping[str, Survey] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What was done: files set aside, the releases recorded, whether tokens leapt or a file was made."""

    aside: tuple[str, ...]
    moves: Mapping[str, Move]  # by app
    changed: bool


def survey(place: Place) -> Survey | None:
    """Return what a ledger or a backup is; None where there is none, or one that is worth nothing."""
    try:
        with closing(place.open()) as session, session.saying():
            store = Store(session)
            return Survey(store.edition().ledger, store.count_releases())
    except LedgerError:
        return None


def recover(
    place: Place, evidence: Evidence, by: Holder, *, force: bool = False, check: bool = False
) -> Outcome:
    """Make the ledger if it is lost, and record the releases of apps that it does not know.

    Raises LedgerError and does nothing if the ledger is damaged or, unless forced, if a backup knows more.
    """
    aside = _in_the_way(place.path, force=force) if isinstance(place, File) else {}
    there = None if aside else survey(place)
    _refuse_backups(evidence.backups, there, force=force)
    names = tuple(str(name) for name in aside.values())
    if check and there is None:
        if not aside:
            place.prepare(check=True)
        return Outcome(names, {it.app: _move(it) for it in evidence.found}, changed=True)
    try:
        for file, name in aside.items():
            file.rename(name)
    except OSError as error:
        raise LedgerError(f"The ledger {place} cannot be set aside: {error.strerror}.") from error
    made = place.prepare(check=check)
    with Ledger(place, readonly=check) as ledger:
        moves, leapt = _record_all(ledger, evidence, by)
    return Outcome(names, moves, leapt or bool(made))


def _record_all(ledger: Ledger, evidence: Evidence, by: Holder) -> tuple[dict[str, Move], bool]:
    """Record the releases of apps that a ledger does not know; return them, and whether tokens leapt."""
    with ledger.change() as store:
        new = [it for it in evidence.found if not store.turns(it.app)]
        leaps = bool(new) or any(_next_token(store, app) <= seen for app, seen in evidence.tokens.items())
        if leaps:
            store.leap(max(evidence.tokens.values(), default=0) + LEAP)
        return {it.app: _record(store, it, by) for it in new}, leaps


def _in_the_way(path: Path, *, force: bool) -> dict[Path, Path]:
    """Return the files that no ledger can be made beside, and the names that they get.

    Raises LedgerError for a damaged ledger unless forced.
    """
    try:
        _examine(path)
    except Damaged as error:
        if not force:
            raise LedgerError(
                f"{error} Nothing was recovered; by force, what is there is set aside beside it, not deleted."
            ) from error
        suffixes = ["", "-wal", "-shm"]
    else:
        # What is beside a lost file would be taken for the new one's.
        suffixes = [] if path.exists() else ["-wal", "-shm"]
    aside = aside_of(path).name
    files = {path.with_name(path.name + suffix): path.with_name(aside + suffix) for suffix in suffixes}
    return {file: name for file, name in files.items() if file.exists()}


def _examine(path: Path) -> None:
    """Raise Damaged if there is a file that cannot be read."""
    if path.exists():
        with saying(path), closing(connect(path)) as db:
            damage = db.execute("PRAGMA quick_check(1)").fetchone()[0].splitlines()[-1]
            if damage != "ok":
                raise sqlite3.DatabaseError(damage)


def _refuse_backups(backups: Mapping[str, Survey], there: Survey | None, *, force: bool) -> None:
    for manager, kept in sorted(backups.items()):
        if kept.releases and not force and (there is None or there.ledger != kept.ledger):
            raise LedgerError(
                f"{manager} keeps a backup of the ledger that was lost, with {kept.releases}"
                f" release{'s'[: kept.releases > 1]}, which knows more than machines show: put it back with"
                " playbooks/restore.yml. To do without it, -e force=true; it is then set aside, not deleted."
            )


def _next_token(store: Store, app: str) -> int:
    lease = store.lease(app)
    return lease.token + 1 if lease else store.first_token()


def _record(store: Store, found: Found, by: Holder) -> Move:
    move = _move(found)
    # Nobody knows what the last run has left: the next one looks again, under its own lease.
    last = store.lease(found.app)
    token = max(last.token if last else 0, store.first_token())
    store.put_lease(found.app, Lease(token, by, utc(), _LONG_AGO, released=True, dirty=True))
    draft = Draft(
        configuration=found.configuration,
        configuration_hash=found.configuration_hash,
        image=found.image,
        who=by.who,
        host=by.host,
        message=f"rebuilt from {found.source}",
        kind="recover",
    )
    return Deeds(store, found.app, by).recover(found.number, draft, move.after, move.outcome)


def _move(found: Found) -> Move:
    if found.configuration:
        return Move(found.number, None, ACTIVE, RECOVERED)
    return Move(found.number, None, FAILED, "its configuration could not be known")
