# SPDX-License-Identifier: GPL-3.0-or-later
"""A visitor's count in a signed cookie: no instance remembers anything, so any of them can answer."""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie

NAME = "visits"
_LIMIT = 1_000_000


def next_visit(cookie_header: str, key: bytes) -> int:
    """Return which visit this is: 1 unless the cookie holds a count that we signed."""
    try:
        cookie = SimpleCookie(cookie_header).get(NAME)
    except CookieError:
        return 1
    count, _, signature = (cookie.value if cookie else "").partition(".")
    known = hmac.compare_digest(signature.encode(), _sign(count, key).encode())
    return min(int(count), _LIMIT) + 1 if known else 1


def cookie_for(visit: int, key: bytes) -> str:
    """Return the value of the Set-Cookie header that remembers a visit."""
    return f"{NAME}={visit}.{_sign(str(visit), key)}; Path=/; HttpOnly; SameSite=Lax"


def _sign(count: str, key: bytes) -> str:
    return hmac.new(key, f"visits/{count}".encode(), hashlib.sha256).hexdigest()[:32]
