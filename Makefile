# chatmart: `make run` builds the warehouse, `make test` tests it, `make help` lists the rest.
# Variables on the command line reach the programs: make run CHATMART_RAW_DIR=/your/exports

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHATMART := $(BIN)/python -m orchestration
INSTALLED := $(VENV)/.installed

export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1
# Dagster and dbt are 3,500 modules: without byte code each process compiles them for 2.5 seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run rebuild check scorecard dev demo test test-full lint format docs bench mutants \
	graph clean

help: ## list what can be typed
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' \
		| awk -F '\t' '{ printf "  make %-11s %s\n", $$1, $$2 }'

install: $(INSTALLED) ## make .venv from the locked requirements

$(INSTALLED): requirements.lock requirements-bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is \
	needed, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements-bootstrap.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

run: $(INSTALLED) ## ingest, build, audit, publish, print the scorecard
	@$(CHATMART) run

rebuild: $(INSTALLED) ## the same from nothing (ALLOW_MISSING=1: even where exports are gone)
	@$(CHATMART) rebuild $(if $(filter-out 0,$(ALLOW_MISSING)),--allow-missing)

check: $(INSTALLED) ## what new files are, what they lack (ARGS='FILE … --write')
	@$(CHATMART) check $(ARGS)

scorecard: $(INSTALLED) ## print the published scorecard
	@$(CHATMART) scorecard

dev: $(INSTALLED) ## the Dagster UI, with schedule and sensor, on http://127.0.0.1:3000
	@$(CHATMART) dev

SCALE ?= 10
OUT ?= data/demo
demo: $(INSTALLED) ## write demo exports, SCALE times the sample, to OUT (data/demo)
	@$(BIN)/python -m orchestration.demo --out $(OUT) --contacts $$((120 * $(SCALE)))

# Half of the tests in their order to each worker, the rest taken from the slower one: what the tests
# of a module share is built once, not once a worker.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

test: $(INSTALLED) ## every layer of tests, half an hour on two cores
	@$(PYTEST) -m "not long" $(ARGS)

test-full: $(INSTALLED) ## with the long runs and the mutants
	@$(PYTEST) $(ARGS)
	@$(MAKE) mutants

lint: $(INSTALLED) ## format, lint and types of Python and SQL
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models dbt_project/tests

format: $(INSTALLED) ## format Python, mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

graph: $(INSTALLED) ## write the snapshot of the asset graph anew
	@UPDATE_ASSET_GRAPH=1 $(BIN)/python -m pytest -q tests/definitions/test_asset_graph.py

docs: $(INSTALLED) ## dbt's documentation as one page, dbt_project/target/static_index.html
	@cd dbt_project && ../$(BIN)/dbt --quiet docs generate --static --profiles-dir .

bench: $(INSTALLED) ## speed and memory
	@$(BIN)/python -m benchmarks $(ARGS)

mutants: $(INSTALLED) ## break the models on purpose; some test must notice
	@$(BIN)/python -m tests.mutants $(ARGS)

clean: ## remove what was built, never an export and never the key
	@rm -rf data/dagster dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache
	@find data/warehouse -mindepth 1 -maxdepth 1 ! -name hmac.key -exec rm -rf {} + 2>/dev/null || true
