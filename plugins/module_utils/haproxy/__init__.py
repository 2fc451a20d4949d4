# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy on a router: the file is the truth, the Runtime API the fast path to it.

Rooms: ``grammar`` (what text may reach HAProxy), ``render`` (table to file), ``runtime`` (the sockets),
``state`` (HAProxy's answers, parsed), ``observe``, ``change`` (wanted against observed), ``swap`` (servers
over the Runtime API), ``landing`` (files, check, reload), ``converge`` (the story).
"""
