# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of images, by OpenSSH: made on the builder at push, verified on a node before a start.

What is signed is a short text with the image's name and digest, without the registry's address. Signatures
are kept beside their image, under the tag ``sha256-HEX.sig``: an OCI artifact with a layer for each key.
Why OpenSSH: docs/decisions/0018-signing.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land

from .client import ARTIFACT, Manifest, Registry, digest_of
from .pruning import attached_tag

KEY = Path("/etc/fairlead/signing/key")  # of a builder; never leaves it
SIGNERS = Path("/etc/fairlead/signers")  # on a node: the public halves, as ssh-keygen's allowed signers
KEPT = Path(
    "/var/lib/fairlead/signatures"
)  # on a node: what was fetched, so that a restart needs no registry
NAMESPACE = "fairlead-image"
PRINCIPAL = "fairlead"
KIND = "sig"
_SIGNATURE = "application/vnd.fairlead.signature.v1+ssh"
_EMPTY, _NOTHING = "application/vnd.oci.empty.v1+json", b"{}"
_NAME = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_MOST, _LONGEST = 8, 16 * 1024  # signatures of an image, and bytes of one


class SignatureError(FairleadError):
    """An image cannot be signed, or may not run: not signed, not by whom we trust, or another one."""


@dataclass(frozen=True)
class Image:
    """What a signature is of."""

    name: str
    digest: str

    def __post_init__(self) -> None:
        """Refuse what could be read as more than a name and a digest. Raises SignatureError."""
        if not (_NAME.fullmatch(self.name) and _DIGEST.fullmatch(self.digest)):
            raise SignatureError(f"image {self.name}@{self.digest}: expected NAME@sha256:… to sign or verify")

    @classmethod
    def of(cls, image: str) -> tuple[str, Image]:
        """Return the registry and the rest of ``REGISTRY/NAME@DIGEST``."""
        registry, _, rest = image.partition("/")
        name, _, digest = rest.partition("@")
        return registry, cls(name, digest)

    @property
    def statement(self) -> bytes:
        """Return what is signed."""
        return f"fairlead image 1\nname {self.name}\ndigest {self.digest}\n".encode()

    def __str__(self) -> str:
        """Return NAME@DIGEST."""
        return f"{self.name}@{self.digest}"


def sign_image(registry: Registry, name: str, digest: str, key: Path = KEY) -> None:
    """Sign an image that the registry has, with this machine's key, unless that has signed it already.

    Where there is no key, playbooks/site.yml has not been run since there are any, and nothing is signed.
    Raises SignatureError, RegistryError.
    """
    image = Image(name, digest)
    if key.exists() and (others := _unless_signed(registry, image, key)) is not None:
        _keep(registry, image, [*others, _signed(image, key)][-_MOST:])


def lacks_signature(registry: Registry, name: str, digest: str, key: Path = KEY) -> bool:
    """Say whether this machine has not signed an image. Raises SignatureError where it has no key."""
    if not key.exists():
        raise SignatureError(f"this machine has no key to sign with, {key}; run playbooks/site.yml")
    return _unless_signed(registry, Image(name, digest), key) is not None


def _unless_signed(registry: Registry, image: Image, key: Path) -> list[str] | None:
    """Return the signatures that an image has of others; None if it has one of this key."""
    found = list(_fetched(registry, image))
    signers = signer_line(key.with_suffix(".pub").read_text())
    return None if any(_is_good(image, signature, signers) for signature in found) else found


def signer_line(public: str) -> str:
    """Return the line of allowed signers for a public key, as a builder's ``key.pub`` has it."""
    kind, value, *comment = public.split(maxsplit=2)
    return f'{PRINCIPAL} namespaces="{NAMESPACE}" {kind} {value} {" ".join(comment).strip()}'.rstrip() + "\n"


def verify_image(image: str, auth: Auth, signers: Path = SIGNERS, kept: Path = KEPT) -> None:
    """Return if ``REGISTRY/NAME@DIGEST`` is signed by whom this node trusts.

    Raises SignatureError if it is not, RegistryError. What was fetched before is asked first, so that no
    registry is needed to start an instance again.
    """
    address, what = Image.of(image)
    trusted, place = _trusted(what, signers), kept / what.name.replace("/", "+") / what.digest[7:]
    if any(_is_good(what, signature, trusted) for signature in _kept(place)):
        return
    with closing(Registry(address, auth)) as registry:
        found = list(_fetched(registry, what))
    good = next((signature for signature in found if _is_good(what, signature, trusted)), None)
    if good is None:
        raise SignatureError(_refusal(what, found))
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    land(place, good.encode(), 0o644)


def _refusal(image: Image, found: list[str]) -> str:
    if not found:
        return (
            f"image {image} is not signed, and only signed images may run here; deploy it anew, or sign what"
            " kept releases have: playbooks/sign.yml"
        )
    keys = sorted({who for signature in found if (who := _signer_of(image, signature))})
    if not keys:
        return f"image {image} has a signature that is not of this image: it was changed, or is another's"
    return (
        f"image {image} is signed by a key that is not trusted here, {', '.join(keys)}; expected one of the"
        " builders of the inventory: playbooks/site.yml tells nodes which these are"
    )


def _trusted(image: Image, signers: Path) -> str:
    try:
        return signers.read_text()
    except OSError as error:
        raise SignatureError(
            f"image {image} cannot be verified: {signers} cannot be read: {error.strerror};"
            " playbooks/site.yml tells nodes whose signatures to trust"
        ) from error


def _kept(place: Path) -> Iterator[str]:
    try:
        yield place.read_text()
    except (OSError, UnicodeDecodeError):
        return


def _fetched(registry: Registry, image: Image) -> Iterator[str]:
    """Yield the signatures that the registry has of an image; what is none is passed over."""
    manifest = registry.manifest(image.name, attached_tag(image.digest, KIND))
    try:
        layers = list(manifest.data["layers"])[:_MOST] if manifest else []
        wanted = [
            str(it["digest"]) for it in layers if it["mediaType"] == _SIGNATURE and it["size"] <= _LONGEST
        ]
    except (ValueError, KeyError, TypeError):
        return
    for digest in wanted:
        data = registry.blob(image.name, digest)
        if digest_of(data) == digest:
            yield data.decode(errors="replace")


def _keep(registry: Registry, image: Image, signatures: list[str]) -> None:
    layers = [_described(registry, image.name, _SIGNATURE, text.encode()) for text in signatures]
    data = {
        "schemaVersion": 2,
        "mediaType": ARTIFACT,
        "config": _described(registry, image.name, _EMPTY, _NOTHING),
        "layers": layers,
    }
    written = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    registry.put_manifest(image.name, attached_tag(image.digest, KIND), Manifest(ARTIFACT, written))


def _described(registry: Registry, name: str, kind: str, data: bytes) -> dict[str, Any]:
    digest = digest_of(data)
    registry.put_blob(name, data, digest, len(data))
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def _signed(image: Image, key: Path) -> str:
    done = _keygen("sign", "-f", str(key), data=image.statement)
    if done.returncode != 0:
        raise SignatureError(f"image {image} cannot be signed with {key}: {done.stderr.decode().strip()}")
    return done.stdout.decode()


def _is_good(image: Image, signature: str, signers: str) -> bool:
    """Say whether a signature is of this image, by one of the allowed signers."""
    with _written(signers) as allowed, _written(signature) as given:
        arguments = ("-f", allowed.name, "-I", PRINCIPAL, "-s", given.name)
        return _keygen("verify", *arguments, data=image.statement).returncode == 0


def _signer_of(image: Image, signature: str) -> str:
    """Return the key that made a signature of this image, trusted or not; empty if it is of another."""
    with _written(signature) as given:
        done = _keygen("check-novalidate", "-s", given.name, data=image.statement)
    return done.stdout.decode().strip().rpartition(" ")[2] if done.returncode == 0 else ""


def _keygen(do: str, *arguments: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    # No word of it is another's but the name of a file that was just made here.
    command = ["ssh-keygen", "-Y", do, "-n", NAMESPACE, *arguments]
    try:
        return subprocess.run(command, input=data, check=False, capture_output=True)  # noqa: S603
    except FileNotFoundError:
        raise SignatureError("ssh-keygen is missing; install openssh-client") from None


def _written(text: str) -> Any:
    file = tempfile.NamedTemporaryFile("w", prefix="fairlead-signature-")  # noqa: SIM115 - of who calls
    file.write(text)
    file.flush()
    return file
