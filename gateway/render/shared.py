"""One run of Compose for all hosts that differ only in what Compose does not look at: comments, and addresses of ports.

Compose is given a form of the files in which leading comments are empty and the address of every published port is a
substitute. It copies these addresses as they are, so the host's own are put into what it made. Everything else that
differs, such as a value in `.env`, makes another form and with it another run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from gateway.errors import ConfigurationError
from gateway.inventory.published import PublishedPort
from gateway.render.addresses import mappings_of
from gateway.render.merge import INPUTS

Merge = Callable[[str, str, Mapping[str, bytes], Iterable[str], str], Mapping[str, Any]]

OVERRIDE, ENV = INPUTS[1:]
# Networks that no host is in: IPv4's class E, and IPv6's prefix to discard (RFC 6666).
_SUBSTITUTES = {4: "240.0.0.{}", 6: "100::{:x}"}
# Before anything else in a file a `#` can only begin a comment; printable ASCII holds nothing that ends its line early.
_LEADING_COMMENTS = re.compile(rb"\A(?:#[ -~]*\n)+")


@dataclass(frozen=True)
class SharedForm:
    """The files as Compose is to see them, and the address that each substitute in them is for."""

    files: Mapping[str, bytes]
    addresses: Mapping[str, str]

    def own(self, merged: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what Compose made of the form as it would have made it of the host's own files."""
        services = merged["services"]
        return {**merged, "services": {name: self._own_service(definition) for name, definition in services.items()}}

    def _own_service(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        if not definition.get("ports"):
            return definition
        ports = [
            {**port, "host_ip": self.addresses.get(port["host_ip"], port["host_ip"])} if "host_ip" in port else port
            for port in definition["ports"]
        ]
        return {**definition, "ports": ports}


def merged_by_form(
    merge: Merge,
    project: str,
    directory: str,
    files: Mapping[str, bytes],
    ports: Sequence[PublishedPort],
    secrets: Iterable[str] = (),
    where: str = "",
) -> Mapping[str, Any]:
    """Return what `merge` makes of a host's `files`, which publish `ports`, by way of the form that hosts share.

    Raises what `merge` does for the files themselves, so that its words are about these.
    """
    form = shared_form(files, ports)
    try:
        merged = merge(project, directory, form.files, secrets, where)
    except ConfigurationError:
        return merge(project, directory, files, secrets, where)
    return form.own(merged)


def shared_form(files: Mapping[str, bytes], ports: Sequence[PublishedPort]) -> SharedForm:
    """Return the form of `files` that other hosts may have, too; `files` have the `mappings_of` the `ports` in them.

    Where the mappings are not found as they should be, or a substitute is in the files already, addresses stay.
    """
    bare = {**{name: files[name] for name in INPUTS}, OVERRIDE: _bare(files[OVERRIDE]), ENV: _bare(files[ENV])}
    substitutes = _substitutes(ports)
    own, substituted = mappings_of(ports), mappings_of([_with(port, substitutes) for port in ports])
    table = {f"ports: {own[name]}\n".encode(): f"ports: {substituted[name]}\n".encode() for name in own}
    table = {text: other for text, other in table.items() if text != other}
    if not table or any(
        substitute.encode() in content for substitute in substitutes.values() for content in bare.values()
    ):
        return SharedForm(bare, {})
    # In one go: what was put in must not be found again.
    pattern = re.compile(b"|".join(re.escape(text) for text in table))
    override, count = pattern.subn(lambda found: table[found[0]], bare[OVERRIDE])
    if count != len(table):
        return SharedForm(bare, {})
    return SharedForm(
        {**bare, OVERRIDE: override}, {substitute: address for address, substitute in substitutes.items()}
    )


def _substitutes(ports: Sequence[PublishedPort]) -> dict[str, str]:
    """Return a substitute for each address of `ports` that Compose copies as it is, in their order."""
    found: dict[str, str] = {}
    for port in ports:
        if port.address and port.address not in found:
            address = ip_address(port.address)
            # `Every address` means something to Compose, and is the same text on all hosts anyway.
            if not address.is_unspecified and str(address) == port.address:
                found[port.address] = _SUBSTITUTES[address.version].format(len(found) + 1)
    return found


def _with(port: PublishedPort, substitutes: Mapping[str, str]) -> PublishedPort:
    return replace(port, address=substitutes.get(port.address, port.address))


def _bare(content: bytes) -> bytes:
    """Return `content` with its leading comments empty; lines keep their numbers, which Compose may tell."""
    return _LEADING_COMMENTS.sub(lambda found: b"#\n" * found[0].count(b"\n"), content)
