# SPDX-License-Identifier: GPL-3.0-or-later
"""The durable record on the manager, and how the releases of an app follow each other."""
