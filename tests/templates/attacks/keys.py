"""Attacks without a valid key: something like one, or one in another place, and the gateway's own headers."""

from __future__ import annotations

import hashlib

from tests.templates.attacks.attack import WITH_KEY, Harmless, Refused, known, request
from tests.templates.running_envoy import KEY

HASH = hashlib.sha256(f"Bearer {KEY}".encode()).hexdigest()
WIDE = KEY.replace("-", "\N{FULLWIDTH HYPHEN-MINUS}", 1).encode()

KEYS = {
    "no key": Refused(request("/v1/models")),
    "hash of the key": Refused(request("/v1/models", f"Helicone-Auth: Bearer {HASH}")),
    "hash without Bearer": Refused(request("/v1/models", f"Helicone-Auth: {HASH}")),
    "key with a letter more": Refused(request("/v1/models", f"{WITH_KEY}a")),
    "key with a letter less": Refused(request("/v1/models", WITH_KEY[:-1])),
    "key with something before it": Refused(request("/v1/models", f"Helicone-Auth: Bearer x{KEY}")),
    "key in capitals": Refused(request("/v1/models", f"Helicone-Auth: Bearer {KEY.upper()}")),
    "key with NUL behind it": Refused(request("/v1/models", f"{WITH_KEY}\0")),
    "key with NUL and more behind it": Refused(request("/v1/models", f"{WITH_KEY}\0x")),
    "key with a wide hyphen": Refused(
        request("/v1/models", (b"Helicone-Auth: Bearer " + WIDE).decode("latin-1")),
    ),
    "key with a no-break space": Refused(request("/v1/models", f"{WITH_KEY}\xa0")),
    "key with a space in it": Refused(request("/v1/models", f"{WITH_KEY[:-3]} {WITH_KEY[-3:]}")),
    "key percent-encoded": Refused(request("/v1/models", f"Helicone-Auth: Bearer {KEY.replace('-', '%2D')}")),
    "key in quotes": Refused(request("/v1/models", f'Helicone-Auth: Bearer "{KEY}"')),
    "key after two Bearers": Refused(request("/v1/models", f"Helicone-Auth: Bearer Bearer {KEY}")),
    "key and a wrong one": Refused(request("/v1/models", f"{WITH_KEY}, Bearer sk-helicone-x")),
    "wrong key before the right one": Refused(
        request("/v1/models", f"Authorization: Bearer sk-helicone-wrong, Bearer {KEY}")
    ),
    "pattern in place of a key": Refused(request("/v1/models", "Helicone-Auth: Bearer sk-helicone-.*")),
    "SQL in place of a key": Refused(request("/v1/models", "Helicone-Auth: Bearer ' or '1'='1")),
    "key in the query": Refused(request(f"/v1/models?helicone-auth=Bearer%20{KEY}&key={KEY}")),
    "key in a cookie": Refused(request("/v1/models", f"Cookie: Helicone-Auth=Bearer {KEY}")),
    "key as the provider's key": Refused(request("/v1/models", f"X-Api-Key: {KEY}")),
    "key in a basic authorization": Refused(request("/v1/models", f"Authorization: Basic {KEY}")),
    "key in the authorization of proxies": Refused(request("/v1/models", f"Proxy-Authorization: Bearer {KEY}")),
    "key in the body": Refused(
        request(
            "/v1/embeddings",
            "Content-Length: 58",
            "Content-Type: application/json",
            method="POST",
            body=f'{{"a":"{KEY}"}}',
        )
    ),
    "key under another name": Refused(request("/v1/models", f"X-Helicone-Auth: Bearer {KEY}")),
    "key under a name with an underscore": Refused(request("/v1/models", f"Helicone_Auth: Bearer {KEY}")),
    "key twice": Refused(request("/v1/models", WITH_KEY, WITH_KEY)),
    "key in a trailer": Refused(
        request(
            "/v1/embeddings",
            "Transfer-Encoding: chunked",
            "Trailer: Helicone-Auth",
            method="POST",
            body=f"2\r\n{{}}\r\n0\r\n{WITH_KEY}\r\n\r\n",
        )
    ),
    "the gateway's own headers instead of a key": Refused(
        request("/v1/models", f"X-Gateway-Key: Bearer {KEY}", "X-Gateway-Key-Id: x", "X-Gateway-Recorded: no")
    ),
    "expectation without a key": Refused(
        request("/v1/embeddings", "Expect: 100-continue", "Content-Length: 2", method="POST", body="{}")
    ),
    "the gateway's own headers beside a key": Harmless(
        known("/v1/models", "X-Gateway-Id: forged", "X-Gateway-Target: http://x", "X-Gateway-New: x"),
        "they are replaced and removed",
        stripped=("x-gateway-id", "x-gateway-target", "x-gateway-new", "x-gateway-key"),
    ),
}
