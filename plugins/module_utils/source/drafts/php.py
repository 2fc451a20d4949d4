# SPDX-License-Identifier: GPL-3.0-or-later
"""PHP: files that are served, with their packages beside them or in an index."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents
from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import (
    Draft,
    Order,
    Unbuildable,
    index_args,
)

PACKAGES = "vendor"


def draft(order: Order) -> Draft:
    """Install what is required, and serve public/ if there is one, else all of it."""
    contents = order.contents
    install = _requires(contents) and not contents.has_folder(PACKAGES)
    args: dict[str, str] = {}
    if install:
        needs = "composer.json requires packages"
        args = index_args(order, "php", "COMPOSER_INDEX", needs, f"them in {PACKAGES}/")
    command = ("fairlead-php", "/app/public" if contents.has_folder("public") else "/app")
    return Draft({"install": install}, command, args=args)


def _requires(contents: Contents) -> bool:
    """Say whether anything but PHP itself and its extensions is required."""
    text = contents.texts.get("composer.json", "{}")
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unbuildable("has a composer.json that is no JSON", "one that can be read") from error
    required = data.get("require") if isinstance(data, dict) else None
    return isinstance(required, dict) and any("/" in name for name in required)
