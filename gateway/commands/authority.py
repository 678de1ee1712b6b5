"""`invoke edge.authority`: what clients have to trust when the edges make their own certificates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from gateway.commands.fleet_state import observe
from gateway.console import say
from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.transport.fleet import connected, need_all


def authority(inventory: Inventory, out: Path | None, as_json: bool) -> dict[str, Any]:
    """Print the certificates of the edges' own authorities (PEM), or write them to `out`; return them by host.

    They come over the pinned SSH connections. Raises ConfigurationError when no edge keeps an authority.
    """
    with connected(inventory, need_all) as conversations:
        observed = observe(inventory, conversations)
    found = {name: seen["edge"]["authority"] for name, seen in observed.items() if seen["edge"]}
    found = {name: text for name, text in found.items() if text}
    if not found:
        raise ConfigurationError(
            "no edge of this environment keeps an authority of its own",
            where=f"inventory/{inventory.environment}: edge.tls.mode",
            next_step="set edge.tls.mode to internal and deploy; other modes use authorities that are trusted already",
        )
    bundle = "".join(found.values())
    if out is not None:
        out.write_text(bundle)
        say(f"the certificates of {', '.join(found)} are in {out}")
    elif not as_json:
        sys.stdout.write(bundle)
    return {"environment": inventory.environment, "authorities": found}
