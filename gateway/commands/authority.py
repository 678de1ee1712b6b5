"""`invoke edge.authority`: what clients have to trust when no public authority makes the certificates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from gateway.commands.fleet_state import observe
from gateway.console import say
from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.private_file import need_writable, write_private
from gateway.transport.fleet import connected, need_all
from gateway.verify.doors import clients_authority
from gateway.verify.release_view import seen_release


def authority(inventory: Inventory, out: Path | None, as_json: bool) -> dict[str, Any]:
    """Print the certificates of the edges' own authorities and of the operator's (PEM), or write them to `out`.

    The edges' own come over the pinned SSH connections. Returns them by host. Raises ConfigurationError
    when clients trust every edge as it is, or `out` cannot be written.
    """
    if out is not None:
        need_writable(out)
    with connected(inventory, need_all) as conversations:
        observed = observe(inventory, conversations)
    views = {name: (seen_release(seen), seen["edge"]) for name, seen in observed.items() if seen["manifest"]}
    found = {name: clients_authority(view.entrance, edge["authority"]) for name, (view, edge) in views.items() if edge}
    found = {name: text for name, text in found.items() if text}
    if not found:
        raise ConfigurationError(
            "no edge of this environment has an authority of its own",
            where=f"inventory/{inventory.environment}: edge.tls.mode",
            next_step="set edge.tls.mode to internal and deploy; other modes use authorities that are trusted already",
        )
    bundle = "".join(dict.fromkeys(found.values()))
    if out is not None:
        # Nothing of it is secret, and other users' programs have to read it.
        write_private(out, bundle.encode(), mode=0o644)
        if not as_json:
            say(f"the certificates of {', '.join(found)} are in {out}")
    elif not as_json:
        sys.stdout.write(bundle)
    return {"environment": inventory.environment, "authorities": found}
