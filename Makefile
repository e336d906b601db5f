# What a person types at reseal. `make` alone lists the targets; each does the set-up that it needs.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3.14 python3))
BIN := .venv/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header
S ?= $(SHARED)

SHARED := scenarios/sharing/happy-path.reseal.yaml
BROKEN := scenarios/broken/target-iam-silent.reseal.yaml

.PHONY: help setup check test fast scenario serve demo bench soak docs postgres lock

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/reseal.stamp ## Make .venv from the lock file; done anew only when the lock changes

check: setup ## Lint, format, layers, types, generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/python -m app.coverage --check
	$(BIN)/python -m app.error_pages --check
	$(BIN)/python -m app.workflow_pages --check
	$(BIN)/python -m workflows.scenario_index --check
	$(BIN)/python -m workflows.format_page --check

test: check ## What CI runs: check, the stores on PostgreSQL, every test
	tests/with_postgres $(BIN)/pytest tests/persistence -k postgresql
	tests/with_chromium $(BIN)/pytest -n 2

fast: setup ## The tests that need no database and no server
	$(BIN)/pytest -n 2 --ignore tests/persistence --ignore tests/serving --ignore tests/rest

scenario: setup ## Run one scenario: make scenario S=scenarios/sharing/happy-path.reseal.yaml
	$(BIN)/reseal run $(S)

serve: setup ## Serve AWS's APIs on 127.0.0.1:4566
	$(BIN)/reseal serve

demo: setup ## The five-step share, its graph as SVG, then a share that fails and why
	mkdir -p build
	$(BIN)/reseal run $(SHARED) --svg build/share.svg
	@echo "the graph of key dependencies: build/share.svg"
	$(BIN)/reseal run $(BROKEN)

bench: setup .venv-bench/servers.stamp ## Measure, beside moto and MiniStack
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/kms.py
	$(BIN)/python tests/bench/policies.py
	$(BIN)/python tests/bench/snapshots.py
	$(BIN)/python tests/bench/graph.py
	$(BIN)/python tests/bench/sweeps.py

soak: setup ## The long runs: every law and crash point at full size
	RESEAL_SOAK=1 $(BIN)/pytest -n 2

docs: setup ## Regenerate the generated pages and statements
	$(BIN)/python -m app.coverage
	$(BIN)/python -m app.error_pages
	$(BIN)/python -m app.workflow_pages
	$(BIN)/python -m workflows.scenario_index
	$(BIN)/python -m workflows.format_page
	$(BIN)/python -m app.persistence.statements
	$(BIN)/python -m tests.ebs.page

postgres: setup ## The stores' contract on a PostgreSQL made for it
	tests/with_postgres --required $(BIN)/pytest tests/persistence -k postgresql

lock: setup ## Compile the lock files from pyproject.toml
	$(COMPILE) pyproject.toml --group dev --extra postgres --output-file requirements.lock
	$(COMPILE) --group pyproject.toml:bench --output-file requirements-bench.lock

.venv/lock.stamp: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP_INSTALL) --require-hashes --requirement requirements.lock
	touch $@

.venv/reseal.stamp: .venv/lock.stamp pyproject.toml
	$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

.venv-bench/servers.stamp: requirements-bench.lock
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements-bench.lock
	touch $@
