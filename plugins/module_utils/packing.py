# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration as one line of text, which its containers carry as a label.

Secrets are in it as keyed hashes only. It is read back by ``recovery/reading``.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any


def packed(configuration: Mapping[str, Any]) -> str:
    """Return canonical JSON, compressed, as base64: equal configurations are equal texts."""
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":"))
    return b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
