# What developers type. Operators use `invoke` (see README.md).

PYTHON := .venv/bin/python

.PHONY: help check faults fuzz test test-long lock format bench bench-short bench-gateway bench-gateway-short

help:  ## show this
	@sed -n 's/^\([a-z-]*\): .*## /make \1\t/p' $(MAKEFILE_LIST)

check: .venv/.installed-from  ## ruff, mypy and the unit tests; some minutes, needs no Docker
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -n auto tests/unit tests/templates

fuzz: .venv/.installed-from  ## the property tests with fifty times as many examples; some minutes
	FUZZ=50 $(PYTHON) -m pytest -n auto $$(grep -rl hypothesis tests/unit --include='test_*.py')

faults: .venv/.installed-from  ## inject every fault of docs/reliability.md and print what was promised and what was seen; an hour
	bash tests/faults.sh

test:  ## the whole suite: the checks, then the lab and the end-to-end tests on it
	bash bootstrap.sh --test

test-long: .venv/.installed-from  ## the end-to-end tests that the suite leaves out for the time they take; leaves the lab up
	.venv/bin/invoke lab.up
	$(PYTHON) -m pytest -m long --durations=25 tests/lab

# OPTIONS are those of `python -m bench.fleet --help`. Both need root and sshd, and leave nothing behind.
bench: .venv/.installed-from .cache/bench-fleet-venv/.installed-from  ## what a deploy to many hosts costs, beside Ansible, pyinfra and Fabric; an hour
	$(PYTHON) -m bench.fleet $(OPTIONS)

bench-short: .venv/.installed-from  ## the same without the other tools in half a minute; judges counts, never times
	$(PYTHON) -m bench.fleet --short

.cache/bench-fleet-venv/.installed-from: bench/fleet/requirements.txt
	$(PYTHON) -m venv .cache/bench-fleet-venv
	.cache/bench-fleet-venv/bin/python -m pip install --quiet --requirement $<
	@touch $@

# OPTIONS are those of `python -m bench.gateway --help`. Both leave the lab up, and nothing else.
bench-gateway: .venv/.installed-from .cache/bench-venv/.installed-from  ## what the gateway costs, side by side with others; about an hour
	.venv/bin/invoke lab.up
	$(PYTHON) -m bench.gateway $(OPTIONS)

bench-gateway-short: .venv/.installed-from  ## the same parts in about a minute; judges counts, never times
	.venv/bin/invoke lab.up
	$(PYTHON) -m bench.gateway --short

.cache/bench-venv/.installed-from: bench/gateway/requirements.txt
	$(PYTHON) -m venv .cache/bench-venv
	.cache/bench-venv/bin/python -m pip install --quiet --requirement $<
	@touch $@

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
