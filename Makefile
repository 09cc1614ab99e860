# Each target builds what it needs, into .venv. Written for GNU make 3.81 as well (macOS).

VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Of pytest: tests wait for processes and browsers for half of their time, so one more than the cores that we plan for.
# WORKERS=0 is one process, as a debugger wants it.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Tests start Python a thousand times. Where nothing keeps what the first start compiled, each costs twice as much.
unexport PYTHONDONTWRITEBYTECODE

# Stamps: a target whose stamp is newer than these files installs nothing.
RUNTIME := $(VENV)/.runtime
SERVER  := $(VENV)/.server
DEV     := $(VENV)/.dev

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check fmt model faults equal chaos bench docs package matrix lambda clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(if $(SERVE),$(SERVER),$(RUNTIME)) ## the main job in ten seconds: triggers in, one build out (SERVE=yes: and a live page)
	@$(BIN)/python -m examples.demo $(if $(SERVE),--serve)

test-fast: $(DEV) ## while you work, under a minute: no engines, no processes, no searches
	@$(PYTEST) -m "not slow" $(ARGS)

test: $(DEV) ## the whole suite, under ten minutes; fetches its engines first (ARGS="-k name" for a part)
	@echo "Engines:"
	@$(BIN)/python -m tests.engines fetch
	@$(PYTEST) $(ARGS)

check: $(DEV) ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict src tests benchmarks examples tools
	$(BIN)/lint-imports --no-logo

fmt: $(DEV) ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

model: $(DEV) ## the model checker, deeper than in the suite (ARGS="--seconds 600 --seed 7")
	@$(BIN)/python -m tests.model $(ARGS)

faults: $(DEV) ## how soon the checker catches each bug that is put into the core on purpose
	@$(BIN)/python -m tests.model --faults $(ARGS)

equal: $(DEV) ## the planner's fast way beside the core, build for build, on 10,000 random histories
	@HOLDOFF_HISTORIES=10000 $(BIN)/python -m pytest -q tests/plan/test_equal.py $(ARGS)

chaos: $(DEV) ## kills and faults against real engines, a thousand and more
	@$(BIN)/python -m tests.engines fetch
	@$(BIN)/python -m tests.chaos --kills 1000 --faults 10000 $(ARGS)

bench: $(DEV) ## ratios against a floor measured in the same run
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV) ## the documentation, into site/: warnings are errors (after a change of the code: python -m tools.written)
	@$(BIN)/python -m tools.site

package: $(DEV) ## dist/package: what is published, checked as a package index does, installed and tried
	@rm -rf dist/package
	@$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist/package
	@HOLDOFF_DIST=dist/package $(BIN)/python -m pytest tests/package $(ARGS)

matrix: $(DEV) ## make test-fast on each supported Python that can be had (ARGS=--all: it must be all of them)
	@$(BIN)/python -m tools.matrix $(ARGS)

lambda: $(BIN)/python ## dist/holdoff-lambda.zip, the function's package (CONFIG=holdoff.toml, COMPILED=yes)
	@$(BIN)/python tools/lambda_package.py $(if $(CONFIG),--config $(CONFIG)) $(if $(COMPILED),--compiled)

clean: ## remove .venv and the caches in the tree (the engines stay in their own cache)
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that is new enough: PYTHON=..., else python3, else the newest by name. Asked,
# because a name on PATH may be a shim that leads nowhere.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$("$$python" --version)"; \
	        "$$python" -m venv --clear $(VENV) && exit 0; \
	        rm -rf $(VENV); \
	        echo "$$python cannot make a virtual environment;" \
	             "on Debian: apt-get install python3-venv" >&2; \
	        exit 1; \
	    fi; \
	done; \
	echo "Holdoff needs Python 3.11 or newer, and none was found on PATH;" \
	     "name one: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 1

# The exact versions of the development environment hold for the demo too.
$(RUNTIME): pyproject.toml requirements-dev.txt | $(BIN)/python
	@echo "Installing holdoff into $(VENV)"
	@$(PIP) install --constraint requirements-dev.txt --editable .
	@touch $@

$(SERVER): pyproject.toml requirements-dev.txt | $(BIN)/python
	@echo "Installing holdoff[server] into $(VENV)"
	@$(PIP) install --constraint requirements-dev.txt --editable '.[server]'
	@touch $(RUNTIME) $@

$(DEV): pyproject.toml requirements-dev.txt | $(BIN)/python
	@echo "Installing holdoff and its development tools into $(VENV)"
	@$(PIP) install --requirement requirements-dev.txt --editable .
	@touch $(RUNTIME) $(SERVER) $@
