# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of packages against what SPDX 2.3 requires (https://spdx.github.io/spdx-spec/v2.3)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.image.assembly import encoded
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.bill import bill_of, tag_of, versions_in
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.packages import Package

DIGEST = f"sha256:{'ab' * 32}"
PACKAGES = (
    Package(
        "libstdc++6", "12.2.0-14+deb12u1", "amd64", "gcc-12", "12.2.0-14+deb12u1", "Debian <gcc@example.org>"
    ),
    Package(
        "tzdata", "2025b-0+deb12u2", "all", "tzdata", "2025b-0+deb12u2", homepage="https://example.org/tz"
    ),
)
ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
DOCUMENT = {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"}
PACKAGE = {"SPDXID", "name", "downloadLocation"}
RELATION = {"spdxElementId", "relationshipType", "relatedSpdxElement"}


@pytest.fixture(name="bill")
def _bill() -> dict[str, Any]:
    return bill_of("runtimes/x", DIGEST, "bookworm", PACKAGES)


def test_it_has_what_the_specification_requires(bill: dict[str, Any]) -> None:
    assert bill.keys() >= DOCUMENT
    assert (bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]) == (
        "SPDX-2.3",
        "CC0-1.0",
        "SPDXRef-DOCUMENT",
    )
    assert re.fullmatch(r"urn:[a-z]+:[^#]+", bill["documentNamespace"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["creationInfo"]["created"])
    assert all(re.match(r"(Person|Organization|Tool): ", each) for each in bill["creationInfo"]["creators"])
    assert all(each.keys() >= PACKAGE for each in bill["packages"])
    assert all(each.keys() == RELATION for each in bill["relationships"])
    # Files were not analysed, so there is no verification code; and what is not known is said to be so.
    assert all(each["filesAnalyzed"] is False for each in bill["packages"])


def test_its_ids_are_allowed_each_once_and_none_leads_nowhere(bill: dict[str, Any]) -> None:
    ids = [bill["SPDXID"], *(each["SPDXID"] for each in bill["packages"])]
    assert all(ID.fullmatch(each) for each in ids)
    assert len(set(ids)) == len(ids) == 4
    ends = {each[end] for each in bill["relationships"] for end in ("spdxElementId", "relatedSpdxElement")}
    assert ends == set(ids)
    kinds = [each["relationshipType"] for each in bill["relationships"]]
    assert kinds == ["DESCRIBES", "CONTAINS", "CONTAINS"]


def test_packages_whose_names_differ_by_a_sign_have_ids_of_their_own() -> None:
    twins = [Package(name, "1", "amd64", name, "1") for name in ("libx+", "libx-", "libx++")]
    ids = [each["SPDXID"] for each in bill_of("x", DIGEST, "bookworm", twins)["packages"]]
    assert len(set(ids)) == len(ids)


def test_it_names_image_and_packages_so_that_tools_find_them(bill: dict[str, Any]) -> None:
    image, library, zones = bill["packages"]
    assert image["checksums"] == [{"algorithm": "SHA256", "checksumValue": "ab" * 32}]
    assert library["externalRefs"][0]["referenceLocator"] == (
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm"
    )
    assert library["supplier"] == "Organization: Debian (gcc@example.org)"
    assert library["sourceInfo"] == "built from the Debian source package gcc-12 12.2.0-14+deb12u1"
    assert (zones["homepage"], zones["supplier"]) == ("https://example.org/tz", "NOASSERTION")


def test_it_is_the_same_for_the_same_image_and_read_back(bill: dict[str, Any]) -> None:
    assert encoded(bill) == encoded(bill_of("runtimes/x", DIGEST, "bookworm", reversed(PACKAGES)))
    assert versions_in(bill) == {"libstdc++6": "12.2.0-14+deb12u1", "tzdata": "2025b-0+deb12u2"}
    assert tag_of(DIGEST) == f"sha256-{'ab' * 32}.sbom"
