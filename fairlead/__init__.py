# SPDX-License-Identifier: GPL-3.0-or-later
"""What people start: the command line. Thin, over the same thinking as the playbooks."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COLLECTIONS = ROOT / ".collections"

# The collection is a folder of this checkout, and no package that could be installed.
if str(COLLECTIONS) not in sys.path:
    sys.path.append(str(COLLECTIONS))
