# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the ledger, row by row: it reads and writes what it is told to, and decides nothing.

Whoever writes holds a transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from .claims import Claim, Want
from .clock import Instant
from .history import PENDING, Move, Turn
from .lease import Holder, Lease
from .records import Bond, Draft, Edition, Event, NodeState, Release, Sealed
from .session import Connection


class Store:
    """The rows behind one connection."""

    def __init__(self, db: Connection) -> None:
        """Use a connection that is open."""
        self._db = db

    def turns(self, app: str) -> tuple[Turn, ...]:
        """Return all releases of an app, oldest first."""
        rows = self._db.execute(
            "SELECT number, state, configuration_hash FROM releases WHERE app = ? ORDER BY number", (app,)
        )
        return tuple(Turn(*row) for row in rows)

    def releases(self, app: str, limit: int) -> tuple[Release, ...]:
        """Return the newest releases and, however old they are, those that are open; newest first."""
        rows = self._db.execute(
            "SELECT * FROM releases WHERE app = :app AND (state IN ('pending', 'active')"
            " OR number > (SELECT max(number) FROM releases WHERE app = :app) - :limit) ORDER BY number DESC",
            {"app": app, "limit": limit},
        )
        return tuple(_release(row) for row in rows)

    def images(self) -> list[dict[str, Any]]:
        """Return app, number, state and image of every release, by app, newest first."""
        rows = self._db.execute("SELECT app, number, state, image FROM releases ORDER BY app, number DESC")
        return [dict(row) for row in rows]

    def active(self) -> tuple[Release, ...]:
        """Return the active release of every app, by their names."""
        rows = self._db.execute("SELECT * FROM releases WHERE state = 'active' ORDER BY app")
        return tuple(_release(row) for row in rows)

    def add_release(self, app: str, number: int, draft: Draft, at: str) -> None:
        """Add one pending release."""
        configuration = json.dumps(draft.configuration, sort_keys=True, separators=(",", ":"))
        row = {"app": app, "number": number, "state": PENDING, "opened_at": at}
        self.insert("releases", asdict(draft) | row | {"configuration": configuration})

    def move(self, app: str, move: Move, at: str) -> None:
        """Put a release into its next state."""
        self._db.execute(
            "UPDATE releases SET state = :state, outcome = coalesce(nullif(:outcome, ''), outcome),"
            " closed_at = coalesce(closed_at, :at) WHERE app = :app AND number = :number",
            {"state": move.after, "outcome": move.outcome, "at": at, "app": app, "number": move.number},
        )

    def secrets(self, app: str) -> tuple[Sealed, ...]:
        """Return the values that the app's secrets have had, sealed."""
        rows = self._db.execute(
            "SELECT name, hash, sealed FROM secrets WHERE app = ? ORDER BY name, hash", (app,)
        )
        return tuple(Sealed(*row) for row in rows)

    def keep_secrets(self, app: str, secrets: Iterable[Sealed]) -> None:
        """Keep sealed values."""
        for secret in secrets:
            self.insert("secrets", secret.as_dict() | {"app": app}, key=("app", "name", "hash"))

    def forget_secrets(self, app: str, but: Collection[tuple[str, str]]) -> None:
        """Delete the sealed values of all names and hashes but these."""
        gone = [secret for secret in self.secrets(app) if (secret.name, secret.hash) not in but]
        for secret in gone:
            self._db.execute(
                "DELETE FROM secrets WHERE app = ? AND name = ? AND hash = ?", (app, secret.name, secret.hash)
            )

    def lease(self, app: str) -> Lease | None:
        """Return the newest lease of an app."""
        row = self._db.execute("SELECT * FROM leases WHERE app = ?", (app,)).fetchone()
        return row and _lease(row)

    def leases(self) -> dict[str, Lease]:
        """Return the newest lease of every app that has had one."""
        return {row["app"]: _lease(row) for row in self._db.execute("SELECT * FROM leases ORDER BY app")}

    def put_lease(self, app: str, lease: Lease) -> None:
        """Keep a lease in place of the app's last."""
        row = {"app": app, "token": lease.token, **asdict(lease.holder), "since": lease.since}
        row |= {"boot": lease.end.boot, "until": lease.end.seconds}
        self.insert("leases", row | {"released": lease.released, "dirty": lease.dirty}, key=("app",))

    def claims(self) -> tuple[Claim, ...]:
        """Return the claims of all apps, each with its end, in the order in which they were made."""
        rows = self._db.execute(
            "SELECT id, claims.app, slot, node, port, memory, cpu,"
            " coalesce(claims.boot, leases.boot) AS boot, coalesce(ended, until) AS ended"
            " FROM claims JOIN leases USING (app) ORDER BY id"
        )
        return tuple(_claim(row) for row in rows)

    def last_claim(self) -> int:
        """Return the id of the newest claim."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM claims").fetchone()[0])

    def add_claims(self, app: str, wants: Iterable[Want]) -> None:
        """Add claims that stand until they are ended."""
        for want in wants:
            self.insert("claims", want.as_dict() | {"app": app})

    def end_claims(self, app: str, end: Instant) -> None:
        """End the standing claims of an app."""
        self._db.execute(
            "UPDATE claims SET boot = ?, ended = ? WHERE app = ? AND ended IS NULL",
            (end.boot, end.seconds, app),
        )

    def forget(self, claims: Iterable[Claim]) -> None:
        """Delete claims."""
        for claim in claims:
            self._db.execute("DELETE FROM claims WHERE id = ?", (claim.id,))

    def node_states(self) -> tuple[NodeState, ...]:
        """Return what was said of nodes, by their names."""
        rows = self._db.execute("SELECT node, state, who, host, since, why FROM nodes ORDER BY node")
        return tuple(NodeState(*row) for row in rows)

    def put_node_state(self, state: NodeState) -> None:
        """Keep what is said of a node in place of what was."""
        self.insert("nodes", state.as_dict(), key=("node",))

    def forget_node_state(self, node: str) -> None:
        """Let a node be as usual."""
        self._db.execute("DELETE FROM nodes WHERE node = ?", (node,))

    def bonds(self, but: str) -> tuple[Bond, ...]:
        """Return the rules that bind others, of the active releases of all apps but one."""
        rows = self._db.execute(
            "SELECT app, configuration FROM releases WHERE state = 'active' AND app != ? ORDER BY app", (but,)
        )
        return tuple(bond for app, text in rows for bond in _bonds(app, json.loads(text)))

    def events(self, app: str, limit: int) -> tuple[Event, ...]:
        """Return the newest events of an app, newest first."""
        rows = self._db.execute("SELECT * FROM events WHERE app = ? ORDER BY id DESC LIMIT ?", (app, limit))
        return tuple(Event(**dict(row)) for row in rows)

    def add_event(self, event: Mapping[str, Any]) -> None:
        """Add an event; its id is given here."""
        self.insert("events", event)

    def edition(self) -> Edition:
        """Return which ledger this is, and how many changes are in it."""
        return Edition(*self._db.execute("SELECT ledger, change FROM edition").fetchone())

    def count_change(self) -> None:
        """Count one change more."""
        self._db.execute("UPDATE edition SET change = change + 1")

    def follow(self, change: int, first_token: int) -> None:
        """Go on from another ledger's edition."""
        self._db.execute("UPDATE edition SET change = change + ?, first_token = ?", (change, first_token))

    def first_token(self) -> int:
        """Return the first token of an app that has had none."""
        return int(self._db.execute("SELECT first_token FROM edition").fetchone()[0])

    def count_releases(self) -> int:
        """Return how many releases there are, of all apps."""
        return int(self._db.execute("SELECT count(*) FROM releases").fetchone()[0])

    def leap(self, numbers: int) -> None:
        """Leave out so many tokens and changes; all leases are over, and their work counts as unsettled."""
        self._db.execute(
            "UPDATE leases SET token = token + ?, boot = '', until = 0, released = 1, dirty = 1", (numbers,)
        )
        self._db.execute(
            "UPDATE edition SET change = change + :leap, first_token = first_token + :leap", {"leap": numbers}
        )

    def insert(self, table: str, row: Mapping[str, Any], key: tuple[str, ...] = ()) -> None:
        """Insert a row; one with the same key, if it has any, is written over."""
        columns, places = ", ".join(row), ", ".join(f":{column}" for column in row)
        statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - our names
        if key:
            rest = ", ".join(f"{column} = excluded.{column}" for column in row if column not in key)
            statement += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {rest}"
        self._db.execute(statement, row)


def _release(row: Any) -> Release:
    values = dict(row)
    values["configuration"] = json.loads(values["configuration"])
    return Release(**values | {flag: bool(values[flag]) for flag in ("git_dirty", "irreversible")})


def _lease(row: Any) -> Lease:
    return Lease(
        token=row["token"],
        holder=Holder(row["who"], row["host"], row["what"]),
        since=row["since"],
        end=Instant(row["boot"], row["until"]),
        released=bool(row["released"]),
        dirty=bool(row["dirty"]),
    )


def _bonds(app: str, configuration: Mapping[str, Any]) -> Iterable[Bond]:
    for process in configuration.get("processes", ()):
        rules = process.get("rules", {})
        if rules.get("apart") or rules.get("together"):
            yield Bond(app, process["name"], rules)


def _claim(row: Any) -> Claim:
    want = Want(*(row[name] for name in ("slot", "node", "port", "memory", "cpu")))
    return Claim(row["id"], row["app"], want, Instant(row["boot"], row["ended"]))
