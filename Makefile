# What developers type. Operators use `invoke` (see README.md).

PYTHON := .venv/bin/python

.PHONY: help check test lock format

help:  ## show this
	@sed -n 's/^\([a-z]*\): .*## /make \1\t/p' $(MAKEFILE_LIST)

check: .venv/.installed-from  ## ruff, mypy and the unit tests; under a minute, needs no Docker
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -n auto tests/unit tests/templates

test:  ## the whole suite: the checks, then the lab and the end-to-end tests on it
	bash bootstrap.sh --test

format: .venv/.installed-from  ## let ruff put the formatting right
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

# pip's own settings are left out, so that no index and no folder of this machine gets into the lock.
lock: .venv/.installed-from  ## write requirements.lock anew from pyproject.toml
	PIP_CONFIG_FILE=/dev/null $(PYTHON) -m piptools compile --quiet --all-extras --generate-hashes --strip-extras \
		--no-emit-index-url --no-emit-find-links --no-emit-options --no-header \
		--output-file requirements.lock pyproject.toml

.venv/.installed-from: requirements.lock
	bash bootstrap.sh tools
	@touch $@
