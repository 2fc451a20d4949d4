# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action plugin of this name; nothing of it runs on a machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: source
short_description: Write down what an app's image is made from
description:
  - Reads the app's file and what it is built from, on the controller, and writes into a file there which
    Dockerfile is used and why, the content tag of the image, and what each process runs.
  - C(fairlead build APP --show) prints it.
options:
  app:
    description: The app's name.
    type: str
    default: ""
  apps:
    description: The directory of app files.
    type: path
    required: true
  out:
    description: The file, of JSON. Without it the task fails, with how to name one.
    type: str
    default: ""
attributes:
  check_mode:
    description: Writes the file in any mode, for that changes no machine.
    support: none
  diff_mode:
    description: There is nothing to compare.
    support: none
author: The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Write down what the shop's image is made from
  fairlead.paas.source:
    app: shop
    apps: "{{ playbook_dir }}/../apps"
    out: shop.json
"""

RETURN = r"""
out:
  description: The file.
  returned: success
  type: str
"""
