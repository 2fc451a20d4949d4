# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names: the only text of an app by which routers choose where a request goes."""

from __future__ import annotations

import re

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The last label begins with a letter: an address such as 10.0.0.1 is no domain.
DOMAIN = rf"(?:{LABEL}\.){{0,126}}(?=[A-Za-z]){LABEL}"
MAX_LENGTH = 253
DOMAIN_HELP = "a host name such as shop.example.com: letters, digits, hyphens and dots"

_DOMAIN = re.compile(DOMAIN, re.ASCII)


def parse_domain(text: str) -> str:
    """Return the host name in lower case. Raises ValueError with what is expected."""
    if len(text) > MAX_LENGTH or not _DOMAIN.fullmatch(text):
        raise ValueError(DOMAIN_HELP)
    return text.lower()
