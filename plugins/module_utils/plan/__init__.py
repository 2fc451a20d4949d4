# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what is observed to phases: reconcile, place, roll out, undo. Pure."""
