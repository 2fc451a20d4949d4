# SPDX-License-Identifier: GPL-3.0-or-later
"""How good and how fast placement is, on seeded cases: ``python -m tests.bench.placement``."""
