# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``prune``: what is needed where, from the ledger, the app files and what runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Catalog, read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import DOMAIN, REGISTRY
from ansible_collections.fairlead.paas.plugins.module_utils.registry.pruning import ROOMS
from ansible_collections.fairlead.paas.plugins.module_utils.sight import SEEN, failed_of, loss
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_roughly, parse_duration
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "place": {"type": "str", "required": True, "choices": ["engine", "registry"]},
    "apps": {"type": "path", "required": True},
    "kept": {"type": "dict", "required": True},
    "grace": {"type": "str", "default": "24h"},
    "cache": {"type": "str", "default": "7d"},
    "rooms": {"type": "list", "elements": "str", "default": []},
    "skip_unreachable": {"type": "bool", "default": False},
    "settings": {"type": "path"},
    "storage": {"type": "path"},
    "address": {"type": "str"},
    "push_auth": {"type": "dict"},
}
OURS = "REGISTRY/"
_OF_THE_PLACE = ("settings", "storage", "address", "push_auth")


class ActionModule(ActionBase):
    """One module run on the task's host."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns, and say what went."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known = task_vars or {}
        variables = Variables(known, self._templar)
        try:
            asked = (
                self._engine(given, known, variables)
                if given["place"] == "engine"
                else _registry(given, known["groups"].get("nodes", ()), variables)
            )
        except FairleadError as error:
            return result | {"failed": True, "msg": f"nothing was pruned here. {error}"}
        answer: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.prune", module_args={given["place"]: asked}, task_vars=known
        )
        if not answer.get("failed") and not answer.get("unreachable"):
            would = self._task.check_mode
            Display().display(
                "\n".join(told(known["inventory_hostname"], given["place"], answer, would=would))
            )
        return result | answer

    def _engine(
        self, given: Mapping[str, Any], known: Mapping[str, Any], variables: Variables
    ) -> dict[str, Any]:
        host = known["inventory_hostname"]
        return {
            "registry": variables.setting(REGISTRY),
            "needed": [{"app": it["app"], "image": bare(it["image"])} for it in given["kept"]["kept"]],
            "busy": sorted(given["kept"]["busy"]),
            "builder": host in known["groups"].get("builders", ()),
            "rooms": [*ROOMS, *given["rooms"]],
            "cache": seconds("fairlead_prune_cache", given["cache"]),
        }


def _registry(given: Mapping[str, Any], nodes: Iterable[str], variables: Variables) -> dict[str, Any]:
    images = dict(_running(given, nodes, variables))
    catalog = _catalog(given, variables)
    images |= _named(catalog, variables)
    images |= {
        bare(it["image"]): f"v{it['number']} of {it['app']}, {it['state']}" for it in given["kept"]["kept"]
    }
    return {
        "images": images,
        "apps": sorted(
            {*catalog.names, *(it["app"] for it in given["kept"]["kept"] if it["state"] == "active")}
        ),
        "busy": {app: f"{app} is being changed by {who}" for app, who in given["kept"]["busy"].items()},
        "rooms": [*ROOMS, *given["rooms"]],
        "grace": seconds("fairlead_prune_grace", given["grace"]),
        **{name: given[name] for name in _OF_THE_PLACE if given[name] is not None},
    }


def _running(
    given: Mapping[str, Any], nodes: Iterable[str], variables: Variables
) -> Iterable[tuple[str, str]]:
    """Yield what containers on all nodes were made from. Raises FairleadError where a node did not say it."""
    answers = {name: variables.of_host(name, SEEN) or {} for name in nodes}
    lost = {name: why for name, found in answers.items() if (why := loss(found))}
    if failed := failed_of(lost):
        raise FairleadError(f"{', '.join(failed)} could not say what runs there; see the error above.")
    if lost and not given["skip_unreachable"]:
        raise FairleadError(
            f"{', '.join(sorted(lost))} cannot be reached, and may run images that nothing else needs; mend"
            " it, or go on without what it knows: -e skip_unreachable=true"
        )
    for name, found in answers.items():
        for image in found.get("used", ()):
            yield image, f"a container on {name}"


def _catalog(given: Mapping[str, Any], variables: Variables) -> Catalog:
    """Return all app files. Raises Refused if any cannot be read: what it names is not known then."""
    domain = variables.setting(DOMAIN)
    catalog = read_catalog(Path(given["apps"]), domain if isinstance(domain, str) else "")
    if catalog.problems:
        raise Refused(catalog.problems)
    return catalog


def _named(catalog: Catalog, variables: Variables) -> dict[str, str]:
    """Return the images of our registry that app files name, and where."""
    prefixes = (OURS, f"{variables.setting(REGISTRY)}/")
    found = {entry.app.build.image or "": f"apps/{name}.yml" for name, entry in catalog.entries.items()}
    return {
        tagged(image.removeprefix(prefix)): why
        for image, why in found.items()
        for prefix in prefixes
        if image.startswith(prefix)
    }


def bare(image: str) -> str:
    """Return NAME@DIGEST of an image that is written with its registry, whichever that was then."""
    return image.partition("/")[2]


def tagged(image: str) -> str:
    """Return an image with the tag that it has where none is written."""
    return image if "@" in image or ":" in image else f"{image}:latest"


def seconds(variable: str, text: str) -> float:
    """Return a duration of the inventory in seconds. Raises FairleadError."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise FairleadError(f"inventory {variable}: is no duration; got {text!r}; expected {error}") from None


def told(host: str, place: str, answer: Mapping[str, Any], *, would: bool) -> list[str]:
    """Return what went, for people, and how many bytes were freed."""
    word = "would be freed" if would else "freed"
    lines = [f"{host}, {place}: {format_roughly(answer['freed'])} {word}, {len(answer['gone'])} images"]
    lines += [f"  - {line}" for line in answer["gone"]]
    if answer.get("cache"):
        lines.append(f"  - {answer['cache']} entries of the build cache")
    if answer.get("put_off"):
        lines.append("  garbage stays until the next run: a push seems to be under way")
    return lines
