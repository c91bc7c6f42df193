# `make help` lists the targets. Needs python3 (3.11 or newer) and make; nothing else.

VENV := .venv
BIN := $(VENV)/bin
ifndef PYTHON
# The first that is new enough; a version manager may offer names that it cannot run.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
endif
# No look for a newer pip: everything is pinned.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Servers and tests are many processes: what one has compiled the next one need not.
unexport PYTHONDONTWRITEBYTECODE
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

DEMO := $(if $(ONCE),--once) $(if $(MAIL),--mail "$(MAIL)") $(if $(MESSAGES),--messages $(MESSAGES)) \
	$(if $(LATENCY_MS),--latency-ms $(LATENCY_MS)) $(if $(QUOTA),--quota $(QUOTA))

.DEFAULT_GOAL := help
.PHONY: help demo up test bench chaos lint format constraints clean

help: ## List the targets.
	@echo "Data Connector Server. Targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  make demo takes ONCE=1 MAIL=PATH MESSAGES=N LATENCY_MS=N QUOTA=UNITS/SECONDS"
	@echo "  make test takes TESTS=PATH; make bench takes QUICK=1 ONLY=NAME"
	@echo "  make chaos takes RUNS=N SEED=S LANES=N DOCS=1 (write docs/reliability.md)"

demo: $(RUNTIME) ## Show it all with a sandbox account; ONCE=1 ends after the summary.
	@$(BIN)/python -m cli.main demo $(DEMO)

up: $(RUNTIME) ## Run the server of your own.
	@$(BIN)/python -m cli.main up

test: lint ## Check the code and pass all tests, offline.
	$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),-n 3 --dist loadgroup)

bench: $(DEV) ## Measure, and write docs/performance.md; QUICK=1 only shows that it runs.
	$(BIN)/python -m bench $(if $(QUICK),--quick,--write-docs) $(if $(ONLY),--only $(ONLY))

chaos: $(DEV) ## Hurt a real server in every way we know, and count what is lost.
	$(BIN)/python -m tests.chaos --runs $(or $(RUNS),50) --seed $(or $(SEED),1) --lanes $(or $(LANES),2) $(if $(DOCS),--write-docs)

lint: $(DEV) ## Check style, types and the direction of imports.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

format: $(DEV) ## Format the code.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints: $(DEV) ## Renew constraints.txt with the newest versions that pass the tests.
	$(PYTHON) -m venv --clear $(VENV)/.newest
	$(VENV)/.newest/bin/python -m pip --disable-pip-version-check --quiet install 'setuptools>=77' -e '.[dev]'
	{ sed -n '/^#/p' constraints.txt; \
	  $(VENV)/.newest/bin/python -m pip --disable-pip-version-check freeze --all --exclude-editable \
	  --exclude pip | sort -f; } > constraints.new
	mv constraints.new constraints.txt
	rm -rf $(VENV)/.newest
	$(MAKE) test

clean: ## Remove the environment and what tools have left.
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "This needs Python 3.11 or newer; found: $$(python3 --version 2>/dev/null || echo none)." >&2; \
		echo "Install it (Debian, Ubuntu: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) cannot make environments. Debian, Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; fi
	@echo "making $(VENV) with $$($(PYTHON) --version) ..." >&2
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

# setuptools first and pinned too: building the project fetches nothing of its own then.
$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing dependencies (a minute or two, once) ..." >&2
	@$(PIP) install --constraint constraints.txt setuptools
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME)
	@echo "installing the tools for tests ..." >&2
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@
