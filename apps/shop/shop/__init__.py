# SPDX-License-Identifier: GPL-3.0-or-later
"""Fairlead's sample app: a small shop window that shows which instance answered. Standard library only."""
