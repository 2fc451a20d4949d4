# SPDX-License-Identifier: GPL-3.0-or-later
"""Items into bins, as few unused bins as can be, for any number of resources: what strategy ``binpack`` does.

- ``model``: kinds of items, and bins
- ``problem``: the same as the search counts in; what is alike is counted once
- ``bound``: how few bins may do, which ends the search
- ``fills``, ``filling``: what can fill one bin, and what shall
- ``build``: the first packing, bin after bin
- ``repack``, ``cover``: some bins, or all, packed anew without one of them
- ``improve``: that, again and again, in bounded steps

All of it is a function of the kinds and the bins, whatever their order: no clock, no chance. Work is bounded
by counting steps, and the more items there are, the fewer steps each gets.
"""

from __future__ import annotations

from .model import Bin, Kind
from .solve import pack

__all__ = ["Bin", "Kind", "pack"]
