"""Attacks by the method, and by what one hop asks of the next: tunnels, upgrades, headers of a hop."""

from __future__ import annotations

from tests.templates.attacks.attack import Harmless, Refused, known, request

METHODS = {
    "CONNECT to another host": Refused(known("clickhouse:8123", method="CONNECT")),
    "CONNECT to a metadata service": Refused(known("169.254.169.254:80", method="CONNECT", host="169.254.169.254:80")),
    "CONNECT to a path": Refused(known("/v1/models", method="CONNECT")),
    "TRACE": Refused(known("/v1/models", method="TRACE"), "it would show headers"),
    "unknown method": Refused(known("/v1/models", method="G\x7fT")),
    "upgrade to h2c": Harmless(
        known("/v1/models", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA").replace(
            b"Connection: close", b"Connection: close, Upgrade, HTTP2-Settings"
        ),
        "the upgrade is ignored",
        stripped=("upgrade", "http2-settings"),
    ),
    "upgrade to something else": Refused(
        known("/v1/models", "Upgrade: raw").replace(b"Connection: close", b"Connection: Upgrade")
    ),
    "upgrade without a key": Refused(
        request("/v1/realtime", "Upgrade: websocket").replace(b"Connection: close", b"Connection: Upgrade")
    ),
    "key among the headers of one hop": Refused(
        known("/v1/models").replace(b"Connection: close", b"Connection: close, Helicone-Auth"),
        "named in Connection it would be taken away after it was checked",
    ),
}
