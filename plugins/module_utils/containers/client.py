# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the Docker SDK's low-level client is used; it is the same in its versions 5.0 and 7.1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

Messages = Iterable[Mapping[str, Any]]
Auth = Mapping[str, str] | None  # username and password


class Engine(Protocol):
    """A client of one Docker engine; what it returns has the Docker Engine API's field names."""

    def info(self) -> dict[str, Any]:
        """Return what the engine says of itself and its kernel."""

    def containers(self, *, all: bool) -> list[dict[str, Any]]:  # noqa: A002 - the SDK's name
        """Return the containers, with ``all`` also those that do not run."""

    def inspect_container(self, container: str) -> dict[str, Any]:
        """Return all of one container."""

    def inspect_image(self, image: str) -> dict[str, Any]:
        """Return all of one image."""

    def df(self) -> dict[str, Any]:
        """Return what takes its disk: Images, BuildCache and LayersSize."""

    def create_container_from_config(self, config: dict[str, Any], name: str) -> dict[str, Any]:
        """Create a container from the body of the create call; return its Id."""

    def update_container(self, container: str, *, restart_policy: Mapping[str, str]) -> object:
        """Change the restart policy and nothing else."""

    def start(self, container: str) -> None:
        """Start a container that is created or stopped."""

    def unpause(self, container: str) -> None:
        """Let a paused container go on."""

    def stop(self, container: str, timeout: int | None = None) -> None:
        """Stop a container; it is killed after ``timeout`` seconds."""

    def remove_container(self, container: str, *, v: bool, force: bool) -> None:
        """Remove a container, with ``v`` its anonymous volumes too."""

    def volumes(self, *, filters: Mapping[str, list[str]]) -> dict[str, Any]:
        """Return the volumes, under Volumes."""

    def inspect_volume(self, name: str) -> dict[str, Any]:
        """Return all of one volume."""

    def create_volume(
        self, name: str, *, driver: str, driver_opts: dict[str, str], labels: dict[str, str]
    ) -> dict[str, Any]:
        """Create a volume, or return the one that is there, whatever its options are."""

    def remove_volume(self, name: str) -> None:
        """Remove a volume that no container has."""

    def logs(self, container: str, *, tail: int) -> bytes:
        """Return the last lines of what it wrote."""

    def pull(self, repository: str, *, stream: bool, decode: bool, auth_config: Auth) -> Messages:
        """Pull ``NAME:TAG`` or ``NAME@DIGEST``; return progress messages."""

    def push(self, repository: str, tag: str, *, stream: bool, decode: bool, auth_config: Auth) -> Messages:
        """Push ``NAME:TAG``; return progress messages."""

    def tag(self, image: str, repository: str, tag: str) -> bool:
        """Give an image one more name."""

    def remove_image(self, image: str) -> object:
        """Take a name from an image that no container has; with its last name it is gone."""

    def close(self) -> None:
        """Leave the connections."""
