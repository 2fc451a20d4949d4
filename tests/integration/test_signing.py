# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of images in a real registry, made and verified by OpenSSH."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Manifest
from ansible_collections.fairlead.paas.plugins.module_utils.registry.pruning import attached_tag
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import (
    SignatureError,
    sign_image,
    signer_line,
    verify_image,
)
from tests.integration.engine_rig import PULL
from tests.integration.registry_rig import Home, running_home


@pytest.fixture(scope="module", name="home")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running_home(tmp_path_factory.mktemp("registry")) as found:
        yield found


@dataclass(frozen=True)
class Fleet:
    """A registry, a builder's key, and a node that trusts some keys."""

    home: Home
    place: Path

    def key(self, name: str = "builder") -> Path:
        path = self.place / name
        if not path.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
            subprocess.run(command, check=True)
        return path

    def trust(self, *names: str) -> None:
        public = [self.key(name).with_suffix(".pub").read_text() for name in names]
        (self.place / "signers").write_text("".join(map(signer_line, public)))

    def sign(self, name: str, digest: str, key: str = "builder") -> None:
        sign_image(self.home.registry, name, digest, self.key(key))

    def verify(self, name: str, digest: str, registry: str = "") -> None:
        image = f"{registry or self.home.registry.address}/{name}@{digest}"
        verify_image(image, PULL, self.place / "signers", self.place / "kept")

    def signatures(self, name: str, digest: str) -> list[str]:
        manifest = self.home.registry.manifest(name, attached_tag(digest, "sig"))
        return [layer["digest"] for layer in manifest.data["layers"]] if manifest else []


@pytest.fixture
def fleet(home: Home, tmp_path: Path) -> Fleet:
    made = Fleet(home, tmp_path)
    made.trust("builder")
    return made


@pytest.fixture
def digest(home: Home, request: pytest.FixtureRequest) -> str:
    return home.push("shop", request.node.name)


def test_what_was_signed_is_good_also_without_the_registry(fleet: Fleet, digest: str) -> None:
    fleet.sign("shop", digest)
    fleet.verify("shop", digest)
    fleet.verify("shop", digest, "127.0.0.1:1")


def test_signing_twice_changes_nothing_and_two_builders_sign_beside_each_other(
    fleet: Fleet, digest: str
) -> None:
    fleet.sign("shop", digest)
    once = fleet.signatures("shop", digest)
    fleet.sign("shop", digest)
    assert fleet.signatures("shop", digest) == once
    fleet.sign("shop", digest, "other")
    assert fleet.signatures("shop", digest)[:1] == once
    assert len(fleet.signatures("shop", digest)) == 2
    fleet.trust("other")
    fleet.verify("shop", digest)


def test_a_machine_without_a_key_signs_nothing(fleet: Fleet, digest: str) -> None:
    sign_image(fleet.home.registry, "shop", digest, fleet.place / "none")
    assert fleet.signatures("shop", digest) == []


def test_what_is_not_signed_is_refused(fleet: Fleet, digest: str) -> None:
    with pytest.raises(SignatureError, match=r"is not signed, and only signed images may run here"):
        fleet.verify("shop", digest)


def test_what_somebody_else_signed_is_refused_with_the_key(fleet: Fleet, digest: str) -> None:
    fleet.sign("shop", digest, "stranger")
    with pytest.raises(SignatureError, match=r"by a key that is not trusted here, SHA256:\S{43}; expected"):
        fleet.verify("shop", digest)


def test_a_builder_that_left_is_trusted_no_more_also_for_what_was_kept(fleet: Fleet, digest: str) -> None:
    fleet.sign("shop", digest)
    fleet.verify("shop", digest)
    fleet.trust("other")
    with pytest.raises(SignatureError, match="not trusted here"):
        fleet.verify("shop", digest)


def copied(home: Home, source: tuple[str, str], target: tuple[str, str]) -> None:
    """Put the signature of one image beside another one."""
    found = home.registry.manifest(source[0], attached_tag(source[1], "sig"))
    assert found
    for part in (found.data["config"], *found.data["layers"]):
        data = home.registry.blob(source[0], part["digest"])
        home.registry.put_blob(target[0], data, part["digest"], part["size"])
    home.registry.put_manifest(target[0], attached_tag(target[1], "sig"), found)


def test_a_signature_of_one_image_is_none_of_another(fleet: Fleet, digest: str) -> None:
    fleet.sign("shop", digest)
    other = fleet.home.push("shop", "an image that somebody slipped in")
    elsewhere = fleet.home.push("api", "test_a_signature_of_one_image_is_none_of_another")
    assert elsewhere == digest
    for target in (("shop", other), ("api", elsewhere)):
        copied(fleet.home, ("shop", digest), target)
        with pytest.raises(SignatureError, match="is not of this image: it was changed, or is another's"):
            fleet.verify(*target)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"layers": null}',
        b'{"schemaVersion": 2, "layers": [{"mediaType": "x", "digest": "y", "size": 1}]}',
    ],
)
def test_nonsense_beside_an_image_is_no_signature(
    fleet: Fleet, digest: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry itself refuses such manifests, but its disk is not beyond doubt."""
    monkeypatch.setattr(
        "ansible_collections.fairlead.paas.plugins.module_utils.registry.client.Registry.manifest",
        lambda *_: Manifest("x", body),
    )
    with pytest.raises(SignatureError, match="is not signed"):
        fleet.verify("shop", digest)


def test_what_was_kept_and_changed_by_hand_is_fetched_anew(fleet: Fleet, digest: str) -> None:
    fleet.sign("shop", digest)
    fleet.verify("shop", digest)
    kept = next((fleet.place / "kept" / "shop").iterdir())
    good = kept.read_bytes()
    kept.write_bytes(b"\xff nonsense")
    fleet.verify("shop", digest)
    assert kept.read_bytes() == good


def test_a_node_that_was_told_of_nobody_says_what_to_do(fleet: Fleet, digest: str) -> None:
    (fleet.place / "signers").unlink()
    with pytest.raises(SignatureError, match=r"signers cannot be read: .*; playbooks/site\.yml tells"):
        fleet.verify("shop", digest)


@pytest.mark.parametrize("image", ["shop", "shop:1", "shop@sha256:1", "a\nname b@sha256:" + "0" * 64])
def test_only_a_name_and_a_digest_can_be_signed(fleet: Fleet, image: str) -> None:
    name, _, digest = image.partition("@")
    with pytest.raises(SignatureError, match=r"expected NAME@sha256:… to sign or verify"):
        fleet.sign(name, digest)


def test_a_key_for_something_else_is_not_trusted(fleet: Fleet, digest: str) -> None:
    fleet.sign("shop", digest)
    signers = fleet.place / "signers"
    signers.write_text(signers.read_text().replace("fairlead-image", "file"))
    with pytest.raises(SignatureError, match="not trusted here"):
        fleet.verify("shop", digest)


def test_the_artifact_is_one_that_others_can_read(fleet: Fleet, digest: str) -> None:
    fleet.sign("shop", digest)
    found = fleet.home.registry.manifest("shop", attached_tag(digest, "sig"))
    assert found
    assert found.kind == "application/vnd.oci.image.manifest.v1+json"
    assert json.loads(found.body)["layers"][0]["mediaType"] == "application/vnd.fairlead.signature.v1+ssh"
    text = fleet.home.registry.blob("shop", found.data["layers"][0]["digest"]).decode()
    assert text.startswith("-----BEGIN SSH SIGNATURE-----\n")
