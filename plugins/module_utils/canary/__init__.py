# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying a new release with a share of the requests.

Rooms: ``share`` (which weights give it), ``reading`` (what one router has measured), ``tally`` (what all
have), ``verdict`` (whether it goes on), ``board`` (where the workers of a run tell each other), ``hold`` (the
story).
"""
