# SPDX-License-Identifier: GPL-3.0-or-later
# Each target sets up what it needs. `make` alone says what there is.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
MAKEFLAGS += --no-print-directory
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin
export PYTHONUNBUFFERED := 1

SETUP := tests/setup.sh
PYTHON := .venv/bin/python
LAB := $(PYTHON) -m tests.lab
SUITE := $(PYTHON) -m tests.suite

.DEFAULT_GOAL := help
.PHONY: help demo demo-down test test-setup test-fast lint types unit integration molecule e2e test-faults faults-table bench bench-placement lock schema clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

demo: ## bring up a fleet on this machine and deploy the sample app on it
	@$(SETUP) lab
	@$(PYTHON) -m tests.lab.demo

demo-down: ## remove every trace of the fleet: machines, network, images, keys
	@$(SETUP) lab
	@$(LAB) down
	@$(LAB) engine-stop

test: ## everything: lint, types, unit, integration, molecule, end to end, the quick third of all faults
	@$(SETUP) all
	@$(SUITE) integration molecule e2e faults --together images unit lint types

test-setup: ## set up what the tests need, and run none
	@$(SETUP) all

test-fast: ## lint, types and unit tests, in under a minute
	@$(SETUP) venv
	@$(SUITE) --together unit lint types

lint: ## style of Python, YAML and Ansible
	@$(SETUP) venv
	@$(SUITE) --together lint

types: ## mypy, strict
	@$(SETUP) venv
	@$(SUITE) --together types

unit: ## pure code: tables and properties
	@$(SETUP) venv
	@$(SUITE) unit

integration: ## each module against a real Docker engine, a real HAProxy and a real PostgreSQL
	@$(SETUP) all
	@$(SUITE) integration

molecule: ## every role on both Debians; one alone: make molecule ROLE=router
	@$(SETUP) all
	@$(SUITE) molecule $(if $(ROLE),--role $(ROLE))

e2e: ## the whole way on the lab fleet
	@$(SETUP) all
	@$(SUITE) e2e

test-faults: ## all faults: kills, dead machines, cut ways, bad images, full disks; up to 45 minutes
	@$(SETUP) lab
	@$(SUITE) faults --whole

faults-table: ## write what test-faults has measured into docs/reliability.md
	@$(SETUP) venv
	@PYTHONPATH=.collections $(PYTHON) -m tests.faults.table

bench: ## Fairlead beside a loop of docker_container and beside Swarm; more rounds: make bench ROUNDS=5
	@$(SETUP) lab
	@$(PYTHON) -m tests.bench $(if $(ROUNDS),--rounds $(ROUNDS))

bench-placement: ## placement on paper: how fast, and how few nodes; needs no machine
	@$(SETUP) venv
	@PYTHONPATH=.collections $(PYTHON) -m tests.bench.placement.speed
	@PYTHONPATH=.collections $(PYTHON) -m tests.bench.placement $(if $(SEEDS),--seeds $(SEEDS))

lock: ## requirements.in to requirements.lock
	@$(SETUP) venv
	@tests/lock.sh

schema: ## write docs/app.schema.json from the model
	@$(SETUP) venv
	@PYTHONPATH=.collections $(PYTHON) -m ansible_collections.fairlead.paas.plugins.module_utils.app.schema > docs/app.schema.json

clean: ## remove .venv and all caches; run demo-down first
	@rm -rf .venv .bench .faults .cache .mypy_cache .ruff_cache .hypothesis .pytest_cache .ansible
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
