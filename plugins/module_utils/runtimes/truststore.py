# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that Java trusts, in its own format (JKS), made of the bundle that all others read.

Java's tool writes the moment of its run beside each certificate. Here it is always the same.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct

from ansible_collections.fairlead.paas.plugins.module_utils.image.layers import MOMENT

_PASSWORD = "changeit"  # noqa: S105 - what every Java expects; the format asks for one, it protects nothing
_SALT = b"Mighty Aphrodite"  # the format's own
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s*(.+?)\s*-----END CERTIFICATE-----", re.DOTALL)


def truststore(bundle: str) -> bytes:
    """Return a key store that trusts the certificates of a bundle in PEM."""
    certificates = [base64.b64decode(match) for match in _PEM.findall(bundle)]
    entries = sorted({hashlib.sha256(each).hexdigest(): each for each in certificates}.items())
    body = struct.pack(">III", _MAGIC, _VERSION, len(entries))
    body += b"".join(_entry(f"debian:{name[:16]}", each) for name, each in entries)
    return body + hashlib.sha1(_PASSWORD.encode("utf-16-be") + _SALT + body).digest()  # noqa: S324 - the format


def _entry(alias: str, certificate: bytes) -> bytes:
    head = struct.pack(">I", _TRUSTED) + _text(alias) + struct.pack(">Q", MOMENT * 1000) + _text("X.509")
    return head + struct.pack(">I", len(certificate)) + certificate


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode("ascii")
