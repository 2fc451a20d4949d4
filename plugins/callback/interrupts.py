# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to ``interrupts``, in the process of the run itself."""

from __future__ import annotations

from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.fairlead.paas.plugins.module_utils.interrupts import keep_interrupts

DOCUMENTATION = r"""
name: interrupts
type: aggregate
short_description: Lose no interrupt
description:
  - >-
    An interrupt that comes while the run forks a worker is ignored by Ansible, and the run goes on. With this
    it is kept until the fork is over.
author:
  - The Fairlead maintainers
requirements:
  - enabled in C(callbacks_enabled) of C(ansible.cfg)
"""


class CallbackModule(CallbackBase):
    """Prints nothing."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fairlead.paas.interrupts"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_play_start(self, play: Any) -> None:  # noqa: ARG002 - as Ansible calls it
        """Begin; by now Ansible has set its own handler."""
        keep_interrupts()
