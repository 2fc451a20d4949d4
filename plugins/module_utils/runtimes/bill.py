# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of packages of an image, in SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3), and its place.

It lies in the registry beside its image, as an artifact that names it as its subject, under the tag by which
cosign finds bills: ``sha256-HEX.sbom``. The same image has the same bill, byte by byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.fairlead.paas.plugins.module_utils.image.assembly import BEGINNING, encoded
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import (
    ARTIFACT,
    Manifest,
    Registry,
    digest_of,
)

from .packages import Package

SPDX = "application/spdx+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_NOTHING = b"{}"
_UNKNOWN = "NOASSERTION"
_NO_ID = re.compile(r"[^A-Za-z0-9.-]")
_MAINTAINER = re.compile(r"^(.*?)\s*<([^>]*)>$")


def bill_of(name: str, digest: str, release: str, packages: Iterable[Package]) -> dict[str, Any]:
    """Return the bill of the image NAME@DIGEST as SPDX has it."""
    image = _image(name, digest)
    entries = [_entry(each, release) for each in sorted(packages)]
    document = "SPDXRef-DOCUMENT"
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": document,
        "name": f"{name}@{digest}",
        "documentNamespace": f"urn:fairlead:bill:{quote(name, safe='')}:{digest}",
        "creationInfo": {
            "created": BEGINNING,
            "creators": ["Organization: Fairlead", "Tool: fairlead.paas.runtime"],
        },
        "documentDescribes": [image["SPDXID"]],
        "packages": [image, *entries],
        "relationships": [
            _relation(document, "DESCRIBES", image["SPDXID"]),
            *(_relation(image["SPDXID"], "CONTAINS", entry["SPDXID"]) for entry in entries),
        ],
    }


def versions_in(bill: Mapping[str, Any]) -> dict[str, str]:
    """Return the packages of a bill, name to version."""
    described = set(bill["documentDescribes"])
    return {each["name"]: each["versionInfo"] for each in bill["packages"] if each["SPDXID"] not in described}


def keep_bill(registry: Registry, name: str, digest: str, bill: Mapping[str, Any]) -> None:
    """Attach a bill to the image NAME@DIGEST. Raises RegistryError."""
    written, image = encoded(bill), registry.manifest(name, digest)
    for data in (_NOTHING, written):
        registry.put_blob(name, data, digest_of(data), len(data))
    subject = {"mediaType": image.kind, "digest": digest, "size": len(image.body)} if image else None
    body = {
        "schemaVersion": 2,
        "mediaType": ARTIFACT,
        "artifactType": SPDX,
        "config": {"mediaType": _EMPTY, "digest": digest_of(_NOTHING), "size": len(_NOTHING)},
        "layers": [{"mediaType": SPDX, "digest": digest_of(written), "size": len(written)}],
        **({"subject": subject} if subject else {}),
    }
    registry.put_manifest(name, tag_of(digest), Manifest(ARTIFACT, encoded(body)))


def find_bill(registry: Registry, name: str, digest: str) -> dict[str, Any] | None:
    """Return the bill of the image NAME@DIGEST, None where it has none. Raises RegistryError."""
    found = registry.manifest(name, tag_of(digest))
    if found is None:
        return None
    bill: dict[str, Any] = json.loads(registry.blob(name, found.data["layers"][0]["digest"]))
    return bill


def tag_of(digest: str) -> str:
    """Return the tag of an image's bill."""
    return f"{digest.replace(':', '-')}.sbom"


def _image(name: str, digest: str) -> dict[str, Any]:
    return {
        "SPDXID": "SPDXRef-Image",
        "name": name,
        "versionInfo": digest,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest.partition(":")[2]}],
    }


def _entry(package: Package, release: str) -> dict[str, Any]:
    source = f"{package.source} {package.source_version}"
    return {
        "SPDXID": f"SPDXRef-{_NO_ID.sub(_number, f'{package.name}-{package.architecture}')}",
        "name": package.name,
        "versionInfo": package.version,
        "supplier": _supplier(package.maintainer),
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,  # to dpkg; the image has /usr/share/doc/NAME/copyright
        "copyrightText": _UNKNOWN,
        "sourceInfo": f"built from the Debian source package {source}",
        **({"homepage": package.homepage} if package.homepage else {}),
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": _locator(package, release),
            }
        ],
    }


def _number(match: re.Match[str]) -> str:
    """Return how a sign that no id may have is written in one: libstdc++6 becomes libstdc.2b..2b.6."""
    return f".{ord(match[0]):x}."


def _locator(package: Package, release: str) -> str:
    name, version = quote(package.name, safe=""), quote(package.version, safe="")
    return f"pkg:deb/debian/{name}@{version}?arch={package.architecture}&distro={release}"


def _supplier(maintainer: str) -> str:
    found = _MAINTAINER.match(maintainer)
    return f"Organization: {found[1]} ({found[2]})" if found else _UNKNOWN


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
