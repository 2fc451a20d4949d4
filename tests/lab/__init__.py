# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: several real machines, as containers of one Docker engine.

Started as ``python -m tests.lab COMMAND``. Rooms, floor by floor; each imports only from floors below:

4  ``__main__`` (commands), ``demo`` (what ``make demo`` does), ``placement``
3  ``fleet`` (up, start, remove, down, status)
2  ``machine`` (one container), ``image`` (what it is made of), ``ssh`` (keys and host keys), ``engine``
1  ``recipe``, ``arguments`` (pure: data in, argument lists out), ``inventory``, ``command`` (docker)
0  ``progress`` (what a person sees), ``table``, ``page``, ``paths``
"""
