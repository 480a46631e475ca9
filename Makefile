# Understudy. `make` alone lists what can be made.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-$(shell cksum < tests/requirements.lock | cut -d' ' -f1)
AUDITED := .venv-audit/.installed-$(shell cksum < tests/audit/requirements.lock | cut -d' ' -f1)

ADMIN_PORT ?= 8000
PRODUCT_PORT ?= 8001
WORKERS ?= 2
# Or postgres: `make run DATABASE=postgres` keeps the demo's data in a server of its own.
DATABASE ?= sqlite
SERVER := $(if $(filter postgres,$(DATABASE)),postgresql)

# Dozens of processes would each compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check format lint types audit bench lock screenshots clean browser postgresql

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) $(SERVER) ## Start admin site, product app and worker with demo data
	@DATABASE=$(DATABASE) ADMIN_PORT=$(ADMIN_PORT) PRODUCT_PORT=$(PRODUCT_PORT) exec $(BIN)/python -m app.launcher

test: $(INSTALLED) browser postgresql ## Run every test, browser stories included
	$(BIN)/python -m pytest -n $(WORKERS)

check: format lint types test ## What CI runs

format: $(INSTALLED) ## Fail when a file is not formatted
	$(BIN)/ruff format --check .

lint: $(INSTALLED) ## Fail on what the linters find
	$(BIN)/ruff check .
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml

types: $(INSTALLED) ## Fail on what the type checker finds
	$(BIN)/mypy

audit: $(INSTALLED) $(AUDITED) browser postgresql ## Run the longer checks: scanners, fuzzers, many more examples
	$(BIN)/python -m tests.audit $(AUDIT)

bench: $(INSTALLED) postgresql ## Measure everything with a million members on both engines
	$(BIN)/python -m tests.bench $(BENCH)

lock: $(INSTALLED) $(AUDITED) ## Write down hashes, parts and licences of what is pinned
	@tests/make-locks

screenshots: $(INSTALLED) browser ## Take a picture of every page into screenshots/
	$(BIN)/python -m tests.screenshots

clean: ## Remove what has been made, the demo data included
	rm -rf $(VENV) .venv-audit var screenshots .mypy_cache .ruff_cache .pytest_cache .hypothesis

browser: $(INSTALLED)
	@PYTHON=$(BIN)/python tests/install-browser

postgresql:
	@tests/install-postgresql

# The scanners and fuzzers bring much along that collides with what we run on.
$(AUDITED): tests/audit/requirements.lock
	@PYTHON=$(PYTHON) VENV=.venv-audit tests/make-venv
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@rm -f .venv-audit/.installed-* && touch $@

$(INSTALLED): tests/requirements.lock
	@echo "Installing the requirements into $(VENV): some minutes on a slow line, once."
	@PYTHON=$(PYTHON) VENV=$(VENV) tests/make-venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@rm -f $(VENV)/.installed-* && touch $@
