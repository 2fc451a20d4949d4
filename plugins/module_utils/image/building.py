# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an image on the builder, of a packed context or an image that exists, and bring it to the registry."""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import (
    EngineError,
    has_image,
    pull,
    saying,
)
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

from .assembly import BEGINNING, configuration_of, encoded, keep_image, put_image
from .buildkit import Built, Order, build
from .layers import Layer, compress, settle
from .parcel import Shipment
from .product import Delivery, Known, Saved, cache_of, save
from .shipping import Shelf
from .wanted import Wanted, split_reference
from .workplace import WORKPLACE, Workplace, new_run, open_log

CONTENT = "io.fairlead.content"  # the label that says which content an image was built from
CREATED = "org.opencontainers.image.created"
BASE_NAME, BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
CACHE_TAG = "buildcache"  # of the image that a later build takes steps from, on whatever builder


def make(
    connect: Callable[[], Engine], registry: Registry, wanted: Wanted, workplace: Workplace = WORKPLACE
) -> None:
    """Bring the image to the registry under its content tag. Raises EngineError, RegistryError.

    The same content is made once: who comes second waits, and then finds that it is there.
    """
    with workplace.own(wanted.app) as folder:
        if not wanted.fresh and registry.digest(wanted.app, wanted.tag):
            return
        making = _Making(connect(), registry, wanted, folder, workplace)
        try:
            if wanted.context:
                making.build(wanted.context)
            elif wanted.image:
                making.take(wanted.image)
        except (OSError, tarfile.TarError) as error:
            raise EngineError(f"image {wanted.name}:{wanted.tag} cannot be built: {error}") from error


@dataclass(frozen=True)
class _Making:
    """One image on its way: from a packed context, or from one that exists, to the registry."""

    engine: Engine
    registry: Registry
    wanted: Wanted
    folder: Path
    workplace: Workplace

    def build(self, context: Shipment) -> None:
        wanted, shelf = self.wanted, Shelf(self.workplace.contexts)
        packed = shelf.put_together(wanted.app, context.parcel, context.sent, whole=context.whole)
        path = open_log(wanted.app, wanted.tag, wanted.run or new_run())
        with path.open("w", encoding="utf-8") as log:
            try:
                built = build(self._order(packed), self.folder, log)
            except EngineError as error:
                what = f"image {wanted.name}:{wanted.tag} cannot be built"
                raise EngineError(f"{what}: {error}\nThe whole log is on this builder: {path}") from error
            print("pushing", file=log, flush=True)
            try:
                digest = self._publish(built)
            finally:
                with saying(f"image {built.image} cannot be removed"):
                    self.engine.remove_image(built.image)
            print(f"pushed {wanted.name}:{wanted.tag} as {digest}", file=log)
        shelf.tidy(time.time())

    def take(self, image: str) -> None:
        if self.wanted.fresh or not has_image(self.engine, image):
            pull(self.engine, image, None)
        saved, layers = self._delivered(image, compress, self.workplace.compressed)
        keep_image(self.registry, self.wanted.app, [self.wanted.tag], saved.written, layers)

    def _order(self, packed: Path) -> Order:
        wanted = self.wanted
        cached = self.registry.digest(wanted.app, CACHE_TAG)
        return Order(
            registry=wanted.registry,
            packed=packed,
            recipe=wanted.recipe,
            caches=(f"{wanted.name}:{CACHE_TAG}",) if cached else (),
            fresh=wanted.fresh,
            secrets=wanted.secrets,
            auth=wanted.auth,
        )

    def _publish(self, built: Built) -> str:
        """Bring what the engine has built to the registry; return its digest there."""
        wanted = self.wanted
        homes = tuple(filter(None, (_name_in(self.registry, base) for base in built.bases)))
        saved, layers = self._delivered(built.image, settle, self.workplace.settled, homes)
        labels = {**_base_labels(built), **wanted.labels, CONTENT: wanted.tag}
        created = wanted.labels.get(CREATED, BEGINNING)
        configuration = configuration_of(saved.configuration, layers, labels, created)
        if cached := cache_of(configuration, saved.configuration):
            # Only builders take steps from it; nothing runs it, so that nobody asks for its signature.
            manifest = put_image(self.registry, wanted.app, encoded(cached), layers)
            self.registry.put_manifest(wanted.app, CACHE_TAG, manifest)
        return keep_image(self.registry, wanted.app, [wanted.tag], encoded(configuration), layers)

    def _delivered(
        self,
        image: str,
        write: Callable[[IO[bytes], Path], Layer],
        known: Path,
        homes: tuple[str, ...] = (),
    ) -> tuple[Saved, tuple[Layer, ...]]:
        """Bring the layers of one of the engine's images to the registry."""
        archive = self.folder / "image.tar"
        save(image, archive)
        with tarfile.open(archive) as opened:
            saved = Saved(opened)
            delivery = Delivery(self.registry, self.wanted.app, write, Known(known), self.folder, homes)
            return saved, delivery.bring(saved)


def _base_labels(built: Built) -> dict[str, str]:
    name, _, digest = built.base.partition("@")
    # Some engines say the tag that nobody wrote, some do not.
    tagged = ":".join(split_reference(name))
    return {BASE_NAME: tagged, BASE_DIGEST: digest} if digest else {}


def _name_in(registry: Registry, base: str) -> str:
    """Return the name of a base in our registry, empty for one of another."""
    ours = f"{registry.address}/"
    return split_reference(base.removeprefix(ours).partition("@")[0])[0] if base.startswith(ours) else ""
