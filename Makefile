# `make check` says which barrier designs hold; `make test` says whether this repository is sound.
# Both create .venv and install what is missing; a second run installs nothing.

PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet
INPUTS = pyproject.toml constraints.txt

.PHONY: help check test matrix clean
.DEFAULT_GOAL := help

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

check: .venv/installed ## check every design of every model in models/, and prove what holds for any size
	.venv/bin/fencepost check --engine explore --engine any-size

test: .venv/installed-test ## lint, type-check and test; SLOW=1 includes the slow tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	SLOW=$(SLOW) .venv/bin/python -m pytest --numprocesses auto --dist worksteal

matrix: .venv/installed-test ## what each barrier of the reference cache buys, and whether it follows its models, as tables
	.venv/bin/python -m reference_impl.adapters.matrix
	.venv/bin/fencepost conform --all --traces 3 --examples 3
	.venv/bin/fencepost conform layer_split reference_impl/adapters/rounds.py --traces 3 --examples 3

clean: ## remove .venv and what the tools left behind
	rm -rf .venv .fencepost .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fencepost needs Python 3.11 or later; try make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: $(INPUTS) | .venv/bin/python
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

.venv/installed-test: .venv/installed
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	@touch $@

.venv/installed-nixl: .venv/installed-test
	$(PIP) install --constraint constraints.txt --editable '.[nixl]'
	@touch $@
