# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers on a node: look at them, converge them, wait for their health."""
