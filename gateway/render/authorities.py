"""The ACME authority that an operator runs, as opposed to the public ones that every system trusts."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory


def operators_authority(inventory: Inventory, edge: Host) -> str:
    """Return the certificate (PEM) of the ACME authority that the inventory names, empty where it is a public one.

    Raises ConfigurationError when the file cannot be read or holds no certificate.
    """
    path = edge.variables.edge.tls.authority_certificate
    if edge.variables.edge.tls.mode != "auto" or not path:
        return ""
    try:
        text = (inventory.path.parents[1] / path).read_text()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError(
            f"the authority's certificate cannot be read: {error}",
            where=f"{edge.name}: edge.tls.authority_certificate",
            next_step="put the PEM file there, or mend its path in the inventory; it counts from the project's folder",
        ) from None
    return text
