"""Names, addresses and places of the gateway's benchmark: every other module reads them here."""

from __future__ import annotations

from bench.layout import ROOT

VIRTUAL_ENVIRONMENT = ROOT / ".cache" / "bench-venv"
PAGE = ROOT / "docs" / "performance-gateway.md"

ENVIRONMENT = "bench"
PROJECT = f"helicone-{ENVIRONMENT}"
INVENTORY = ROOT / "inventory" / ENVIRONMENT
PROVIDER = f"{PROJECT}-provider"
PROVIDER_IMAGE = "helicone-lab/provider"
PROVIDER_PORT = 8080
GATEWAY_PORT = 8787
UI_PORT = 3000
LITELLM_PORT = 4000

MODEL = "gpt-4o-mini"
PROVIDER_KEY = "sk-lab"
LITELLM_KEY = "sk-bench-master-key"
