# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is made from, on the controller: a directory, a package, a commit of a git repository.

Everything here reads what strangers wrote. No module that runs on machines imports any of it.
"""
