# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: from a build context or Debian packages to a digest in our registry."""
