# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop's pages: ``/``, ``/slow?ms=``, and ``/_ping`` for the platform's health checks."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

from .pages import as_json, as_page
from .server import GracefulHandler
from .settings import Settings, log
from .visits import cookie_for, next_visit

MAX_SLOW = 30_000  # milliseconds
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto")


def handler_for(settings: Settings) -> type[GracefulHandler]:
    """Return the handler class of a shop with these settings."""
    return type("Shop", (_Shop,), {"settings": settings})


class _Shop(GracefulHandler):
    settings: Settings

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        """Answer a page, or that there is none."""
        url = urlsplit(self.path)
        page = {"/": self._front, "/slow": self._slow, "/_ping": self._ping}.get(url.path)
        if page:
            page({name: values[-1] for name, values in parse_qs(url.query).items()})
        else:
            self.answer(404, "text/plain", "there is no such page\n")

    do_HEAD = do_GET  # noqa: N815

    def _front(self, query: dict[str, str]) -> None:
        key = self.settings.session_key
        visit = next_visit(self.headers.get("Cookie", ""), key)
        kind, text = self._facts(query, {"visit": visit})
        self.answer(200, kind, text, lambda: self.send_header("Set-Cookie", cookie_for(visit, key)))

    def _slow(self, query: dict[str, str]) -> None:
        asked = query.get("ms", "1000")
        if not (asked.isascii() and asked.isdigit() and int(asked[:9]) <= MAX_SLOW):
            self.answer(400, "text/plain", f"ms is a whole number up to {MAX_SLOW}\n")
            return
        time.sleep(int(asked[:9]) / 1000)
        self.answer(200, *self._facts(query, {"slept": int(asked[:9])}))

    def _ping(self, query: dict[str, str]) -> None:
        del query
        self.answer(self.settings.ping_status, "text/plain", "pong\n")

    def _facts(self, query: dict[str, str], more: dict[str, object]) -> tuple[str, str]:
        """Return the kind and the text of what the shop says of itself, as the client wants it."""
        of = self.settings
        facts = {
            "greeting": of.greeting,
            "app": of.app,
            "release": of.release,
            "instance": of.instance,
            "host": of.host,
            **{name: self.headers[name] for name in _FORWARDED if name in self.headers},
            **more,
        }
        wants_json = "application/json" in self.headers.get("Accept", "") or query.get("format") == "json"
        return ("application/json", as_json(facts)) if wants_json else ("text/html", as_page(facts))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Log requests, but not health checks, in one line each."""
        if not self.path_is_ping():
            of = self.settings
            log(f"{of.app}.{of.instance} {of.release}: {ascii(format % args)[1:-1]}")

    def path_is_ping(self) -> bool:
        """Say whether the request at hand is a health check."""
        return getattr(self, "path", "") == "/_ping"
