# SPDX-License-Identifier: GPL-3.0-or-later
"""Java: a .war or a .jar, or what Maven makes one of."""

from __future__ import annotations

import re

from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import (
    Draft,
    Order,
    Unbuildable,
    index_args,
)

_WAR = re.compile(r"<packaging>\s*war\s*</packaging>")
REPOSITORY = ".m2/repository"


def draft(order: Order) -> Draft:
    """Start the one archive at the top, or the one that Maven makes."""
    if order.finished:
        command, lacks = _command(order.contents.files_at_top())
        return Draft({"built": False}, command, lacks)
    if not order.contents.has_file("pom.xml"):
        raise Unbuildable("has no pom.xml", "a project of Maven's, or a package with a .war or a .jar")
    offline = order.contents.has_folder(REPOSITORY)
    needs = "needs what its pom.xml names"
    args = {} if offline else index_args(order, "java", "MAVEN_INDEX", needs, f"a {REPOSITORY} in it")
    kind = "war" if _WAR.search(order.contents.texts.get("pom.xml", "")) else "jar"
    command, _ = _command([f"app.{kind}"])
    return Draft({"built": True, "kind": kind, "offline": offline}, command, args=args)


def _command(files: list[str]) -> tuple[tuple[str, ...], str]:
    wars, jars = ([name for name in files if name.endswith(ending)] for ending in (".war", ".jar"))
    if len(wars) == 1:
        return ("fairlead-war", f"/app/{wars[0]}"), ""
    if len(jars) == 1 and not wars:
        return ("java", "-jar", f"/app/{jars[0]}"), ""
    found = [*wars, *jars]
    return (
        (),
        f"there are {', '.join(found)} at its top" if found else "there is no .war and no .jar at its top",
    )
