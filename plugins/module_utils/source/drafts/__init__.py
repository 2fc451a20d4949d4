# SPDX-License-Identifier: GPL-3.0-or-later
"""What each runtime makes of a source, one a file."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import Draft, Order

from . import golang, java, node, php, python, ruby, static

DRAFTS: dict[str, Callable[[Order], Draft]] = {
    "golang": golang.draft,
    "java": java.draft,
    "node": node.draft,
    "php": php.draft,
    "python": python.draft,
    "ruby": ruby.draft,
    "static": static.draft,
}
