# SPDX-License-Identifier: GPL-3.0-or-later
"""Our image registry: asked over its API, what it keeps is signed, and what nothing needs goes."""
