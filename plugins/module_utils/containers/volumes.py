# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes of instances on this machine's engine: one for a slot, made before its container, kept after.

All are the engine's own driver's: it mounts a directory of the node or of an NFS server as well as its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Volume
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .arguments import Start, volume_name
from .client import Engine
from .engine import EngineError, is_gone, saying, unless_gone

_DRIVER = "local"


@dataclass(frozen=True)
class Wanted:
    """A volume as it shall be in the engine; ``options`` are its driver's."""

    name: str
    labels: Mapping[str, str]
    options: Mapping[str, str]
    folder: str | None = None  # of the node


def wanted(starts: Iterable[Start]) -> list[Wanted]:
    """Return the volumes of all these instances."""
    return [_wanted(start, volume) for start in starts for volume in start.spec.volumes]


def lacking(engine: Engine, starts: Iterable[Start], node: str) -> tuple[Wanted, ...]:
    """Return the volumes that have to be made for these instances.

    Raises FairleadError for one that is there with other options, or with other labels than ours, and for a
    directory of the node that is none, or that another volume can turn into something else.
    """
    asked = wanted(starts)
    if not asked:
        return ()
    folders = _folders(engine) if any(each.folder for each in asked) else {}
    for each in asked:
        if each.folder:
            _check_folder(each, folders, node)
            folders[each.name] = each.folder
    return tuple(each for each in asked if not _is_there(engine, each, node))


def make(engine: Engine, volume: Wanted) -> None:
    """Create a volume; nothing happens if it is there."""
    with saying(f"volume {volume.name} cannot be created"):
        engine.create_volume(
            volume.name, driver=_DRIVER, driver_opts=dict(volume.options), labels=dict(volume.labels)
        )


def present(engine: Engine, app: str, names: Collection[str]) -> tuple[str, ...]:
    """Return those of these volumes that are there and are the app's."""
    if not names:
        return ()
    ours = {each["Name"] for each in listed(engine) if each["Labels"].get(labels.APP) == app}
    return tuple(name for name in names if name in ours)


def remove(engine: Engine, name: str) -> None:
    """Remove a volume with all that is in it; a directory of the node or of a server is only let go of."""
    with unless_gone(f"volume {name} cannot be removed"):
        engine.remove_volume(name)


def listed(engine: Engine) -> list[dict[str, Any]]:
    """Return the volumes that carry our labels, as the engine lists them."""
    with saying("the Docker engine of this machine does not list its volumes"):
        found = engine.volumes(filters={"label": [labels.VOLUME]})
    return [each | {"Labels": each.get("Labels") or {}} for each in found.get("Volumes") or []]


def seen(engine: Engine) -> list[dict[str, Any]]:
    """Return ``app``, ``process``, ``number``, ``name`` and ``created`` (seconds since 1970) of each, sorted.

    What carries our label but does not say whose it is, is nobody's and left out.
    """
    found = [_seen(each["Labels"], str(each.get("CreatedAt") or "")) for each in listed(engine)]
    return sorted(filter(None, found), key=lambda it: tuple(map(str, it.values())))


def _seen(given: Mapping[str, str], created: str) -> dict[str, Any] | None:
    app, process, name = (given.get(label, "") for label in (labels.APP, labels.PROCESS, labels.VOLUME))
    number = given.get(labels.SLOT, "")
    if not (app and process and name and number.isascii() and number.isdecimal()):
        return None
    return {"app": app, "process": process, "number": int(number), "name": name, "created": _moment(created)}


def _moment(text: str) -> int:
    """Return seconds since 1970, 0 where the engine does not say it."""
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return 0


def _wanted(start: Start, volume: Volume) -> Wanted:
    slot = start.slot
    own = {
        labels.APP: slot.app,
        labels.PROCESS: slot.process,
        labels.SLOT: str(slot.number),
        labels.VOLUME: volume.name,
    }
    return Wanted(volume_name(slot, volume.name), own, _options(volume), volume.node)


def _options(volume: Volume) -> dict[str, str]:
    """Return the driver's options. Whether the container may write is said where it is mounted."""
    if volume.node is not None:
        return {"type": "none", "o": "bind", "device": volume.node}
    if volume.nfs is not None:
        host, _, path = volume.nfs.partition(":")
        return {"type": "nfs", "o": f"addr={host},nfsvers=4,rw", "device": f":{path}"}
    return {}


def _is_there(engine: Engine, volume: Wanted, node: str) -> bool:
    try:
        with saying(f"volume {volume.name} cannot be inspected"):
            found = engine.inspect_volume(volume.name)
    except EngineError as error:
        if is_gone(error):
            return False
        raise
    has, marks = found.get("Options") or {}, found.get("Labels") or {}
    if any(marks.get(label) != value for label, value in volume.labels.items()):
        raise FairleadError(
            f"the volume {volume.name} of node {node} was not made by Fairlead; rename or remove that one"
        )
    if has != dict(volume.options):
        raise FairleadError(
            f"the volume {volume.name} of node {node} is {_words(has)} and shall be {_words(volume.options)}:"
            " give it another name in the app file, which begins empty, or move its data and remove the old"
            f" one there, docker volume rm {volume.name}"
        )
    return True


def _words(options: Mapping[str, str]) -> str:
    if options.get("type") == "nfs":
        return f"the NFS export {options.get('o')} {options.get('device')}"
    return f"the directory {options['device']}" if "device" in options else "kept by the engine"


def _folders(engine: Engine) -> dict[str, str]:
    """Return the directories of this node that volumes of ours are already."""
    options = {each["Name"]: each.get("Options") or {} for each in listed(engine)}
    return {name: has["device"] for name, has in options.items() if has.get("o") == "bind"}


def _check_folder(volume: Wanted, others: Mapping[str, str], node: str) -> None:
    """Raise FairleadError unless the directory is one, and nobody who writes near it can make it another.

    The engine mounts it anew with each start of a container. One who may write above it could by then have
    put a link in its place, to anywhere on the node.
    """
    folder = Path(volume.folder or "")
    if not folder.is_dir():
        raise FairleadError(
            f"{folder}, the volume {volume.name}, is no directory of node {node}; make it there, or mount it"
        )
    if folder.resolve() != folder:
        raise FairleadError(
            f"{folder}, the volume {volume.name}, is a link on node {node}, or below one; "
            f"name what it leads to, {folder.resolve()}, if that may be"
        )
    for name, other in others.items():
        if _nested(folder, Path(other)):
            raise FairleadError(
                f"{folder}, the volume {volume.name}, and {other}, the volume {name} of node {node}, are"
                " inside each other: who writes to one could lead the other anywhere; take some side by side"
            )


def _nested(one: Path, other: Path) -> bool:
    return one != other and (one.is_relative_to(other) or other.is_relative_to(one))
