# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform's own authority, its certificates, and the registry's accounts."""
