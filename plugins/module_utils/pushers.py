# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that may push the images of one app, for pipelines outside: what is wrong with them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .app.document import show
from .app.grammar import NAME as APP
from .app.grammar import NAME_HELP as APP_HELP
from .trust.accounts import LONGEST, NAME, NAME_HELP

PUSHERS = "fairlead_registry_pushers"
_HELP = "accounts by app, {shop: {username: …, password: …}}"

Wrong = tuple[str, str, str, str]  # where below the variable, the problem, got, expected


def check_pushers(value: Any, others: Mapping[str, Any], shortest: int) -> Iterator[Wrong]:
    """Yield what is wrong; ``others`` are the platform's own accounts by their variables."""
    if not isinstance(value, dict):
        yield "", "is no mapping", show(value), _HELP
        return
    homes = {account["username"]: home for home, account in others.items() if isinstance(account, dict)}
    for app, account in value.items():
        at = f".{app}"
        if not re.fullmatch(APP, str(app), re.ASCII):
            yield "", "names what is no name of an app", show(app), APP_HELP
        username = account.get("username") if isinstance(account, dict) else None
        password = account.get("password") if isinstance(account, dict) else None
        yield from ((f"{at}.username", *wrong) for wrong in _username(username, homes))
        yield from ((f"{at}.password", *wrong) for wrong in _password(password, shortest))
        homes.setdefault(username, f"{PUSHERS}{at}")


def _username(username: Any, homes: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    if not isinstance(username, str) or not username:
        yield "is not set", "", "text"
    elif not NAME.fullmatch(username):
        yield "is no name of an account", show(username), NAME_HELP
    elif username in homes:
        yield f"is the name of {homes[username]} too", show(username), "a name of its own"


def _password(password: Any, shortest: int) -> Iterator[tuple[str, str, str]]:
    if not isinstance(password, str) or not password:
        yield "is not set", "", "text"
    elif len(password) < shortest:
        yield (
            f"is shorter than {shortest} characters, so hiding it would garble all output",
            "",
            "a longer one",
        )
    elif len(password.encode()) > LONGEST:
        yield "is too long", "", f"at most {LONGEST} bytes: more would not count"
