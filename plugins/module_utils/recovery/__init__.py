# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger that was lost, rebuilt from what machines still show; it only decides."""
