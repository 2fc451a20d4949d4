# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action plugin of this name; nothing of it runs on a machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Check every app file and the inventory before any machine is touched
description:
  - Reads every app file of a directory and the inventory's variables, on the controller alone.
  - Fails with all problems at once, one a line, each with its file, line, column and field, with what
    was found and what is expected.
  - App files are data. A template in an app file stays the text it is.
  - Values of secrets are neither printed nor returned.
  - Refuses C(--limit), for a run that leaves machines out would stop instances that a router still leads to.
options:
  apps:
    description: The directory of the app files.
    type: path
    required: true
  app:
    description: >-
      The app that is about to be deployed. Beyond the files, its secrets are checked against the inventory,
      and there is a warning for each label that its placement asks for and no node has.
    type: raw
    default: ""
  all:
    description: Check the needs of every app instead of one.
    type: bool
    default: false
  without_file:
    description: >-
      What follows needs the app's name, but no app file and nothing of the inventory for it: a removal, a
      rollback. Cannot be given with O(all).
    type: bool
    default: false
  inventory_only:
    description: What follows is about all machines and about no app in particular; app files are not read.
    type: bool
    default: false
  node:
    description: The node that what follows is about, with O(inventory_only); one of the group nodes.
    type: raw
  plan:
    description: A plan in a file. Without O(app), its app is the one that is meant.
    type: path
  ahead:
    description: >-
      Modules of this collection that machines are asked with next. They are packed meanwhile, by a process in
      the background.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Nothing is changed in any mode.
  diff_mode:
    support: none
    description: There is nothing to compare.
author: The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Validate every app file and the inventory
  fairlead.paas.validate:
    apps: "{{ playbook_dir }}/../apps"
    app: shop

- name: Validate the whole repository, as a pipeline does for a pull request
  fairlead.paas.validate:
    apps: apps
    all: true
"""

RETURN = r"""
problems:
  description: What is wrong, sorted by place; C(msg) holds the same, one a line.
  returned: failure
  type: list
  elements: str
  sample: ['apps/shop.yml:5:6 app: is not the file''s name; got "shp"; expected shop']
directory:
  description: Where the app files are.
  returned: success
  type: path
apps:
  description: The names of all apps.
  returned: success
  type: list
  elements: str
named:
  description: The app that is meant.
  returned: success, but with O(inventory_only)
  type: str
app:
  description: What other tasks need of the app; null with O(all) and O(without_file).
  returned: success
  type: dict
  contains:
    name: {description: The app's name., type: str}
    hosts: {description: "The host names that lead to the app, sorted.", type: list, elements: str}
    image:
      description: What the registry is asked for, as the module M(fairlead.paas.look) takes it.
      type: dict
warnings:
  description: What is allowed but hardly meant.
  returned: success
  type: list
  elements: str
"""
