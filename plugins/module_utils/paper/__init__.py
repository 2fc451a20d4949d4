# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on paper: nodes, what runs on them, and what that was released as, in one file of plain data.

- ``ranges``: many names in one
- ``entries``: the keys of a mapping, each read strictly
- ``source``: YAML or JSON to a document
- ``nodes``, ``instances``, ``apps``: the three parts of the file
- ``file``: all of it, or every problem at once; ``writing``: the way back
"""
