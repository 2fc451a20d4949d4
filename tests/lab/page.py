# SPDX-License-Identifier: GPL-3.0-or-later
"""A web page as lines of text."""

from __future__ import annotations

from html.parser import HTMLParser

UNSEEN = {"head", "style", "script"}
SAME_LINE = {"dd", "td", "th", "a", "b", "em", "strong", "code", "span"}


def lines(html: str) -> list[str]:
    """Return what a person would read of a page, one line a block, without its styles."""
    reader = _Reader()
    reader.feed(html)
    return [" ".join(line.split()) for line in reader.text.splitlines() if line.strip()]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._hidden += tag in UNSEEN
        self.text += " " if tag in SAME_LINE else "\n"

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in UNSEEN

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data.replace("\n", " ")
