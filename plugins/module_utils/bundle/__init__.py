# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles: one release of an app, with its images, in one file for a fleet without any connection."""
