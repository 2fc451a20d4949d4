# SPDX-License-Identifier: GPL-3.0-or-later
"""Ruby: code, with its gems beside it or in an index."""

from __future__ import annotations

import re

from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents
from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import Draft, Order, index_args

BUNDLE, CACHE = "vendor/bundle", "vendor/cache"
_GEM = re.compile(r"^\s*(gem|gemspec)\b", re.MULTILINE)
_STARTS = ("app.rb", "main.rb")


def draft(order: Order) -> Draft:
    """Install the gems, and start config.ru, or the file that looks like it."""
    contents = order.contents
    gems = bool(_GEM.search(contents.texts.get("Gemfile", "")))
    install = gems and not contents.has_folder(BUNDLE)
    cached = contents.has_folder(CACHE)
    args: dict[str, str] = {}
    if install and not cached:
        args = index_args(order, "ruby", "BUNDLE_MIRROR__ALL", "Gemfile names gems", f"them in {CACHE}/")
    values = {
        "install": install,
        "cached": cached,
        "gems": gems,
        "locked": contents.has_file("Gemfile.lock"),
    }
    command, lacks = _command(contents, ("bundle", "exec") if gems else ())
    return Draft(values, command, lacks, args)


def _command(contents: Contents, bundled: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    if contents.has_file("config.ru"):
        started = " ".join((*bundled, "rackup --host 0.0.0.0 --port ${PORT:-8080}"))
        return ("/bin/sh", "-c", f"exec {started}"), ""
    for name in _STARTS:
        if contents.has_file(name):
            return (*bundled, "ruby", name), ""
    return (), f"there is none of config.ru, {', '.join(_STARTS)} at its top"
