# SPDX-License-Identifier: GPL-3.0-or-later
"""Below which directories of nodes app files may name some: they are hostile input, and own no node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from .allotment import Wrong
from .app.document import show
from .app.grammar import FOLDER_HELP, parse_folder
from .configuration import Configuration
from .errors import FairleadError

VOLUME_ROOTS = "fairlead_volume_roots"
USUAL = ("/srv",)
# What belongs to the machine or to the platform. Who may write there, or above it, may do anything.
_SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run"),
    *("/sbin", "/sys", "/tmp", "/usr"),  # noqa: S108 - nothing is written there
    *("/var/cache", "/var/lib/apt", "/var/lib/containerd", "/var/lib/docker", "/var/lib/dpkg"),
    *("/var/lib/fairlead", "/var/lib/systemd", "/var/log", "/var/run", "/var/spool", "/var/tmp"),  # noqa: S108
)


def roots_of(value: Any) -> tuple[str, ...]:
    """Return the directories from the value of the variable, which is checked."""
    return USUAL if value is None else tuple(str(each) for each in value)


def check_roots(value: Any) -> Iterator[Wrong]:
    """Yield what is wrong with the variable's value."""
    if not isinstance(value, list):
        yield "", "is not a list", show(value), "directories such as [/srv]"
        return
    for at, root in enumerate(value):
        try:
            parse_folder(root if isinstance(root, str) else "")
        except ValueError:
            yield f"[{at}]", "is not a path", show(root), FOLDER_HELP
            continue
        near = next((it for it in _SYSTEM if _within(root, it) or _within(it, root)), None)
        if near:
            yield f"[{at}]", f"holds {near}, or is in it", show(root), "a directory that is for data alone"


def is_allowed(path: str, roots: Iterable[str]) -> bool:
    """Say whether a path is below one of these directories."""
    return any(_within(path, root) and path != root for root in roots)


def refuse_outside(configuration: Configuration, roots: Sequence[str]) -> None:
    """Raise FairleadError if a release names what is below none: an older inventory may have let it."""
    for process in configuration.processes:
        for volume in process.spec.volumes:
            if volume.node is not None and not is_allowed(volume.node, roots):
                raise FairleadError(
                    f"{configuration.app}.{process.name}: its volume {volume.name} is {volume.node} of the"
                    f" node, and the inventory's {VOLUME_ROOTS} allows only what is below {', '.join(roots)}"
                )


def _within(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)
