# SPDX-License-Identifier: GPL-3.0-or-later
"""One program that needs nothing, or a directory whose files are served."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import Draft, Order

from .programs import only_program


def draft(order: Order) -> Draft:
    """Start the program at the top, else serve the files."""
    command, lacks = only_program(order.contents)
    if command:
        return Draft(command=command)
    if order.contents.has_file("index.html"):
        return Draft(command=("fairlead-static", "/app"))
    return Draft(lacks=f"{lacks}, and there is no index.html")
