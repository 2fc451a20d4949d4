# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node still shows of releases: its containers, and the configurations that these carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels

from .client import Engine
from .engine import saying
from .observe import Strange, listed_instance
from .work import own_name

_CARRIED = ("app", "release", "packed")
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def remains(engine: Engine) -> dict[str, Any]:
    """Return ``instances``, ``strange``, ``configurations`` and ``numbers``, as the module ``remains`` does.

    Raises EngineError.
    """
    with saying("the Docker engine of this machine does not answer"):
        listed = engine.containers(all=True)
    instances: list[dict[str, Any]] = []
    strange: list[str] = []
    numbers: dict[str, int] = {}
    carried: set[tuple[str, int, str]] = set()
    for container in listed:
        given = container["Labels"] or {}
        app, release = given.get(labels.APP) or given.get(labels.TASK), given.get(labels.RELEASE, "")
        if app and _NUMBER.fullmatch(release):
            numbers[app] = max(numbers.get(app, 0), int(release))
        if labels.APP not in given:
            continue
        try:
            found = listed_instance(container)
        except Strange as error:
            strange.append(f"container {own_name(container)}: {error}")
        else:
            instances.append(found)
            carried |= _carried(found, given)
    return {
        "instances": instances,
        "strange": sorted(strange),
        "configurations": [dict(zip(_CARRIED, each, strict=True)) for each in sorted(carried)],
        "numbers": numbers,
    }


def _carried(found: Mapping[str, Any], given: Mapping[str, str]) -> set[tuple[str, int, str]]:
    packed = given.get(labels.CONFIGURATION)
    return {(found["app"], found["release"], packed)} if packed else set()
