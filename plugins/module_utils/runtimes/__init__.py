# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtimes: images of Debian packages for apps to stand on, with a bill of what is in them."""
