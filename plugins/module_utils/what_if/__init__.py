# SPDX-License-Identifier: GPL-3.0-or-later
"""What would stand where, if: over all apps at once, on one board. Pure, and the same on paper and for real.

- ``arrange``: where everything stands in the end, and what has to change for that
- ``supposition``: nodes that go or come, scales that change
- ``explanation``: why an instance stands where it does, and not elsewhere
- ``usage``, ``capacity``: how full nodes are, and how much more they hold
- ``survival``: whether all still fits when any one of something is lost
"""
