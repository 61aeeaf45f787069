# What people do here; CI and pre-commit call the same targets.
#   make test ARGS="tests/ingest -k duplicate"     ARGS goes to pytest, mypy, ruff check or the benchmarks
#   make run PYTHON=python3.13                     another Python than the first python3 on the PATH

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test lint format types bench faults lock clean

help:  ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

install: $(INSTALLED)  ## make .venv and install the locked requirements

$(INSTALLED): requirements/dev.txt
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Switchboard needs Python 3.11 or newer and $(PYTHON) is older: name another with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (python3-venv on Debian)." >&2; exit 1; }
	@echo "Installing the requirements into .venv; this takes a minute the first time."
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $(INSTALLED)

run: $(INSTALLED)  ## start everything, with a sample conversation; Ctrl-C ends it
	@exec $(BIN)/python -m config.run

# Tests wait more than they compute, and each process has a Postgres of its own. A few tests are done
# before several processes have started.
TEST_PROCESSES ?= 4

test: $(INSTALLED)  ## run the tests: all of them in several processes, or with ARGS some in one
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses $(TEST_PROCESSES))

lint: $(INSTALLED)  ## check style, the direction of imports, and that no migration is missing
	@$(BIN)/ruff check $(ARGS)
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports
	@DJANGO_SETTINGS_MODULE=config.settings.test $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

format: $(INSTALLED)  ## put the code into shape
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

types: $(INSTALLED)  ## check the types
	@$(BIN)/mypy $(ARGS)

bench: $(INSTALLED)  ## measure, and print ratios against baselines of the same run
	@$(BIN)/python -m benchmarks $(ARGS)

faults: $(INSTALLED)  ## break everything while events flow, and reckon: ARGS="--help" says what can be chosen
	@exec $(BIN)/python -m tests.faults $(ARGS)

COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(INSTALLED)  ## pin what requirements/*.in ask for
	@cd requirements && PATH="$(CURDIR)/$(BIN):$$PATH" && \
		$(COMPILE) base.in --output-file base.txt && \
		$(COMPILE) production.in --constraint base.txt --output-file production.txt && \
		$(COMPILE) dev.in --constraint production.txt --output-file dev.txt

clean:  ## remove .venv and what tools leave behind, but not .data
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
