# SPDX-License-Identifier: GPL-3.0-or-later
"""App files: from bytes to a checked model, and to the configuration that is released."""
