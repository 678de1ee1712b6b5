"""What is known of one finished request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One request through the gateway and its answer.

    Times are seconds since the epoch, as this host's clock had them. `key` is the Helicone key in the
    form `Bearer sk-...` that the client sent; `headers` are the client's `helicone-*` headers without
    keys, names in lower case. Bodies are as the client and the provider sent them, decompressed.
    `complete` is false when the answer broke off; `omitted` says why a body is missing, empty if none is.
    """

    id: str
    key: str
    provider: str
    kind: str
    url: str
    headers: dict[str, str]
    request_body: bytes
    response_body: bytes
    response_type: str
    status: int
    started: float
    first_byte: float | None
    ended: float
    complete: bool
    omitted: str = ""
