# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's statements, which are SQLite's, as PostgreSQL wants them, and URLs of databases. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .schema import Guard, Step, Unguard

URL_HELP = "postgresql://user:password@host:5432/name, with %40 for @ and %2F for / in the password"
_URL = re.compile(r"postgres(?:ql)?://(?:[^\s:@/?#]*(?::[^\s@/?#]*)?@)?[^\s@]+")
# What the statements below call, made before the first table.
FOUNDATION = (
    "CREATE TABLE ledger_schema (version BIGINT NOT NULL)",
    "INSERT INTO ledger_schema VALUES (0)",
    """CREATE FUNCTION ledger_never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation'; END $$""",
    # A sequence does not go back with its transaction: check mode would use up numbers.
    "CREATE TABLE ledger_numbers (name TEXT PRIMARY KEY, seq BIGINT NOT NULL)",
    """CREATE FUNCTION ledger_number(TEXT) RETURNS BIGINT LANGUAGE sql AS $$
        INSERT INTO ledger_numbers VALUES ($1, 1)
        ON CONFLICT (name) DO UPDATE SET seq = ledger_numbers.seq + 1 RETURNING seq $$""",
)
_WORDS = (
    (
        r"(CREATE TABLE (\w+) \(\s+id) INTEGER PRIMARY KEY AUTOINCREMENT",
        r"\1 BIGINT PRIMARY KEY DEFAULT ledger_number('\2')",
    ),
    (r"\bINTEGER\b", "BIGINT"),
    (r"\bREAL\b", "DOUBLE PRECISION"),
    (r"\) STRICT$", ")"),
    (r"lower\(hex\(randomblob\(8\)\)\)", "left(md5(gen_random_uuid()::text), 16)"),
)


def is_url(text: str) -> bool:
    """Return whether a text is the URL of a database, with nothing in its password that ends it too soon."""
    return bool(_URL.fullmatch(text))


def in_words(step: Step) -> str:
    """Return the statement of one step of a migration."""
    match step:
        case Guard():
            when = f"WHEN ({step.when}) " if step.when else ""
            return (
                f"CREATE TRIGGER {step.name} BEFORE {step.deed} ON {step.table} FOR EACH ROW {when}"
                f"EXECUTE FUNCTION ledger_never('{step.words}')"
            )
        case Unguard():
            return f"DROP TRIGGER {step.name} ON {step.table}"
        case _:
            for theirs, ours in _WORDS:
                step = re.sub(theirs, ours, step)
            return step


def placed(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> tuple[str, Any]:
    """Return a statement and its values with the places as the driver wants them."""
    if not values:
        return statement, None
    statement = re.sub(r":(\w+)", r"%(\1)s", statement).replace("?", "%s")
    if isinstance(values, Mapping):
        return statement, {name: _plain(value) for name, value in values.items()}
    return statement, [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    """Return a value as the tables take it: flags are numbers, and no text holds NUL."""
    if isinstance(value, bool):
        return int(value)
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
