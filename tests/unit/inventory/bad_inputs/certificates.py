"""Certificates that nobody could issue or find."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, variables

CERTIFICATES = {
    "public certificates without names": variables(
        "edge:\n  tls:\n    mode: auto\n", f"{ALL}:3", "`edge.tls.mode` is auto", "`edge.tls.names` is empty"
    ),
    "certificate for a sentence": variables(
        "edge: {tls: {names: ['a b']}}\n", f"{ALL}:1", "`edge.tls.names`", "host name"
    ),
    "authority without TLS": variables(
        "edge: {tls: {authority: 'http://ca.example.com'}}\n", f"{ALL}:1", "`edge.tls.authority`", "https://"
    ),
    "certificates in a relative folder": variables(
        "edge: {tls: {directory: tls}}\n", f"{ALL}:1", "`edge.tls.directory`", "absolute path"
    ),
}
