# SPDX-License-Identifier: GPL-3.0-or-later
"""Fairlead beside what else would do the job, on the same machines; docs/benchmarks.md explains it."""
