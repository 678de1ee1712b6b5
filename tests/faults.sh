#!/usr/bin/env bash
# What `make faults` runs: the tests that prove a promise, the moments of kills and races tried often, outages long.
# The lab is left as it was found: up, or not there.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=bootstrap.sh
source bootstrap.sh
export PATH="$PROJECT/.venv/bin:$PATH"

if lab_is_up; then
    say "lab: it is up already and will be left up"
else
    trap take_lab_down EXIT
fi
invoke lab.up
export FAULT_KILLS=100 FAULT_ROUNDS=20 FAULT_CUTS=10 LAB_OUTAGE_SECONDS=30 LAB_RATE=50
python -m pytest -m fault tests/unit tests/lab
