# SPDX-License-Identifier: GPL-3.0-or-later
"""An image as the registry keeps it, of its layers and its configuration: equal parts, equal digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import (
    IMAGE,
    Manifest,
    Registry,
    digest_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import sign_image

from .layers import Layer

CONFIGURATION = "application/vnd.docker.container.image.v1+json"
BEGINNING = "2000-01-01T00:00:00Z"  # layers.MOMENT, as images write it
# What an image tells those who start it; all else is what its builder tells of itself.
_TOLD = (
    *("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"),
    *("Healthcheck", "Shell", "OnBuild"),
)
_KEPT = ("architecture", "variant", "os", "os.version")


def configuration_of(
    built: Mapping[str, Any], layers: Sequence[Layer], labels: Mapping[str, str], created: str = BEGINNING
) -> dict[str, Any]:
    """Return an image's configuration with these layers, of what an engine wrote as ``built``.

    Which steps made it is left out, and with them the values of build arguments.
    """
    told = {name: value for name, value in (built.get("config") or {}).items() if name in _TOLD and value}
    named = {**(told.get("Labels") or {}), **labels}
    return {
        **{name: built[name] for name in _KEPT if built.get(name)},
        "created": created,
        "config": {**told, **({"Labels": dict(sorted(named.items()))} if named else {})},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": BEGINNING} for _ in layers],
    }


def encoded(data: Mapping[str, Any]) -> bytes:
    """Return the bytes of a configuration or manifest, the same for equal ones."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def manifest_of(configuration: bytes, layers: Sequence[Layer]) -> Manifest:
    """Return the manifest of an image."""
    data = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {
            "mediaType": CONFIGURATION,
            "digest": digest_of(configuration),
            "size": len(configuration),
        },
        "layers": [layer.entry for layer in layers],
    }
    return Manifest(IMAGE, encoded(data))


def put_image(registry: Registry, name: str, configuration: bytes, layers: Sequence[Layer]) -> Manifest:
    """Put an image whose layers the registry has already; it has no tag yet. Raises RegistryError."""
    registry.put_blob(name, configuration, digest_of(configuration), len(configuration))
    manifest = manifest_of(configuration, layers)
    registry.put_manifest(name, manifest.digest, manifest)
    return manifest


def keep_image(
    registry: Registry,
    name: str,
    tags: Sequence[str],
    configuration: bytes,
    layers: Sequence[Layer],
) -> str:
    """Put an image, sign it, and give it its tags; return its digest.

    The tags come last: who sees one sees all, and the signature. Raises RegistryError, SignatureError.
    """
    manifest = put_image(registry, name, configuration, layers)
    sign_image(registry, name, manifest.digest)
    for tag in tags:
        registry.put_manifest(name, tag, manifest)
    return manifest.digest
