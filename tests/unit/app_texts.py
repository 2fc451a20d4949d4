# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of app files for tests, and what is said about them."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.app.file import parse_app
from ansible_collections.fairlead.paas.plugins.module_utils.app.model import App
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused

FILE = "apps/shop.yml"
HEAD = "app: shop\nbuild: {image: nginx}\n"
WEB = "processes: {web: {port: 80}}\n"


def top(line: str) -> str:
    """Return an app with one more line, its fourth."""
    return f"{HEAD}{WEB}{line}\n"


def process(field: str) -> str:
    """Return an app whose process has one more field, on the fifth line from its seventh column."""
    return f"{HEAD}processes:\n  web:\n      {field}\n      port: 80\n"


def read(text: str | bytes, file: str = FILE) -> App:
    """Return the app in a text. Raises Refused."""
    return parse_app(file, text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))[0]


def problems(text: str | bytes, file: str = FILE) -> list[str]:
    """Return what is said about a text, without the name of the file."""
    try:
        read(text, file)
    except Refused as refused:
        return [str(problem).removeprefix(f"{file}:") for problem in refused.problems]
    return []
