"""What controller and agent have to agree on before they talk."""

from __future__ import annotations

HELLO = "helicone-agent"
WANTED = "helicone-agent is wanted"  # said by a host that does not keep the agent
FOLDER = "state/agent"  # where a host keeps it, below the environment's folder
