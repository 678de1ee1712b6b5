"""Names and places of the fleet's benchmark: every other module reads them here."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.layout import ROOT

VIRTUAL_ENVIRONMENT = ROOT / ".cache" / "bench-fleet-venv"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PAGE = ROOT / "docs" / "performance.md"

ENVIRONMENT = "bench-fleet"
PROJECT = f"helicone-{ENVIRONMENT}"
INVENTORY = ROOT / "inventory" / ENVIRONMENT
DIRECTORY = f"/opt/helicone/{ENVIRONMENT}"  # on every target
OWN_PYTHON = Path(sys.executable)

MEMORY = Path("/dev/shm")  # noqa: S108 - its folder in there is made for root alone
PORT = 2022
TARGETS = "127.77.{block}.{number}"
RELAYS = "127.78.{block}.{number}"
PYTHON = "/usr/bin/python3"  # of the targets; Debian's
