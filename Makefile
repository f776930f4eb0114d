# moonfleet: every chore is one target. A fresh machine needs Python >= 3.11, make and a package registry; nothing else.
#
#   make run            install into .venv (once), fly the mission "pathfinder", write a report
#   make test ARGS=-x   ARGS goes to the tool behind the target
#   make test JOBS=0    in one process (a debugger wants that); as many as there are cores otherwise, four at most
#   make run PYTHON=python3.12 VENV=/tmp/venv

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
JOBS   ?= auto

BIN      := $(VENV)/bin
METADATA := setup.cfg pyproject.toml constraints.txt
INSTALL  := $(BIN)/python -m pip --disable-pip-version-check install -qq --constraint constraints.txt
ROOMS    := terrain autonomy agents envs experiments

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-all lint format bench docs wheel constraints clean

help: ## this list
	@echo "moonfleet: autonomy for a robot fleet at the lunar south pole"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: $(VENV)/.core ## fly the mission "pathfinder" at the south pole and write its report
	$(BIN)/moonfleet run pathfinder $(ARGS)

test: $(VENV)/.dev ## the quick tests; those that need another extra skip and say so
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadgroup -m "not slow" $(ARGS)

test-all: $(VENV)/.all ## every test, with every extra installed
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadgroup $(ARGS)

lint: $(VENV)/.all ## ruff, pyright (which wants to see every extra) and the import rules
	@bad=0; for tool in "ruff check --quiet ." "ruff format --quiet --check ." "pyright --pythonpath $(BIN)/python" \
	  "lint-imports --no-logo --no-cache"; do echo "$$tool"; $(BIN)/$$tool || bad=1; done; exit $$bad

format: $(VENV)/.dev ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.all ## measure every claim (ARGS="house --json bench.json" for one of them)
	$(BIN)/moonfleet bench $(ARGS)

docs: $(VENV)/.dev ## write docs/reference anew from the code
	$(BIN)/python docs/build.py $(ARGS)

wheel: $(VENV)/.dev ## build the wheel and the sdist into dist/
	rm -rf build dist
	$(BIN)/python -m build $(ARGS)

constraints: ## pin the newest set of everything that installs together (edits constraints.txt)
	rm -rf build/newest && $(PYTHON) -m venv build/newest
	build/newest/bin/python -m pip --disable-pip-version-check install -qq torch==2.13.0 -e '.[all,dev]'
	{ sed '/^#/!d' constraints.txt; build/newest/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/newest

clean: ## remove builds and caches (the environment and the runs stay)
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find $(ROOMS) moonfleet tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment: one stamp file per level, so that each is installed once and again when the metadata change ----

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "moonfleet needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1)."; \
	  echo "Name a newer one: make PYTHON=/path/to/python3.12 ..."; exit 1; } >&2
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) could not make a virtual environment (on Debian: apt-get install python3-venv)."; exit 1; } >&2
	@touch $@

$(VENV)/.core: $(METADATA) | $(VENV)/.made
	@echo "installing moonfleet into $(VENV) (once; about 650 MB, a minute or so) ..."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(METADATA) | $(VENV)/.made
	@echo "installing moonfleet and the tools that test it into $(VENV) (once) ..."
	$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/.core $@

$(VENV)/.all: $(METADATA) | $(VENV)/.made
	@echo "installing moonfleet with every extra into $(VENV) (once; about 1.5 GB more, some minutes) ..."
	$(INSTALL) --editable '.[all,dev]'
	@touch $(VENV)/.core $(VENV)/.dev $@
