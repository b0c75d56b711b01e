# Everything a person or CI does here has a word. A machine with Python 3.11+, pip and make is enough: uv comes by pip.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
RUN := $(UV) run --frozen
WORKERS ?= 2

.PHONY: help demo up status reset test chaos soak soak-orders soak-properties check-demo test-compose lint format contracts docs gallery bench bench-scale bench-poison bench-render clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.tools/uv/bin/uv:
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/uv uv==$(UV_VERSION)

.venv/installed: $(UV) uv.lock $(wildcard */pyproject.toml */*/pyproject.toml) pyproject.toml
	@$(UV) sync --frozen --all-packages --quiet
	@touch $@

demo: .venv/installed ## the whole system with a sandbox shop and vendors: 25 shop orders flow to Fulfilled before your eyes
	@$(RUN) platen demo

up: .venv/installed ## the whole system, without the sandbox
	@$(RUN) platen up

status: .venv/installed ## what runs, on which ports, and how far behind
	@$(RUN) platen status

reset: .venv/installed ## forget everything that `make demo` and `make up` keep
	@$(RUN) platen reset

test: .venv/installed ## every test, on a real broker and a real database
	@$(RUN) pytest -n $(WORKERS)

chaos: .venv/installed ## crash points, rebalances and outages that take minutes
	@$(RUN) pytest -n 0 -m chaos tests/chaos

soak: .venv/installed ## random load and faults from a seed, then all must heal and finish: SEED=7 MINUTES=1, or SEEDS=1-100
	@$(RUN) python -m tests.chaos.soak --seeds $(or $(SEEDS),$(SEED),1) --minutes $(or $(MINUTES),1)

soak-orders: .venv/installed ## random stories of orders, new ones each time: EXAMPLES=5000
	@PLATEN_EXAMPLES=$(or $(EXAMPLES),5000) $(RUN) pytest -n 0 tests/orders/test_story.py

soak-properties: .venv/installed ## every property on random examples, new ones each time: EXAMPLES=5000
	@PLATEN_EXAMPLES=$(or $(EXAMPLES),5000) $(RUN) pytest -n $(WORKERS) -m hypothesis --timeout 0

check-demo: .venv/installed ## the demo as CI runs it: played, checked and audited, with small print files
	@mkdir -p build
	@$(RUN) platen demo --once --orders 12 --small --json build/demo.json

test-compose: .venv/installed ## the deployment for a single host, built, run and taken down (needs root or a Docker engine)
	@$(RUN) python -m tests.compose.run

lint: .venv/installed ## style, types, and the rules of the house
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) pyright
	@$(RUN) lint-imports

format: .venv/installed ## style, mended
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

contracts: .venv/installed ## JSON Schemas from the message models
	@$(RUN) python -m platen_contracts.generate

docs: .venv/installed ## topics, diagrams and AsyncAPI from the catalogue; settings from the services; artworks from their schema
	@$(RUN) platen docs

gallery: .venv/installed ## designs as print files on one page to be looked at: build/gallery/index.html
	@$(RUN) python -m tests.render.gallery

bench: .venv/installed ## our orders path beside a naive consumer, a competent one and the ceiling
	@$(RUN) python -m tests.benchmarks.orders

bench-scale: .venv/installed ## the orders path with a hot order, a replay, two processes, a million orders, clicks during an import
	@$(RUN) python -m tests.benchmarks.scale

bench-poison: .venv/installed ## what good records wait for among bad ones
	@$(RUN) python -m tests.benchmarks.poison

bench-render: .venv/installed ## our print files beside a straightforward Pillow program's; previews while typing
	@$(RUN) python -m tests.benchmarks.render
	@$(RUN) python -m tests.benchmarks.preview

clean: ## everything that can be made again
	@rm -rf .venv .tools build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
