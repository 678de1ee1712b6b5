"""Attacks by where a request, a line or a body ends, and by headers that are none."""

from __future__ import annotations

from tests.templates.attacks.attack import WITH_KEY, Harmless, Refused, body_of, known, request
from tests.templates.running_envoy import KEY

SMUGGLED = f"GET /v1/smuggled HTTP/1.1\r\nHost: h\r\n{WITH_KEY}\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"
FRAMING = {
    "length and chunks": Refused(body_of("Content-Length: 4", CHUNKED, body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks and length": Refused(body_of(CHUNKED, "Content-Length: 4", body=f"0\r\n\r\n{SMUGGLED}")),
    "two lengths": Refused(body_of("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED)),
    "two lengths in one": Refused(body_of(f"Content-Length: 0, {len(SMUGGLED)}", body=SMUGGLED)),
    "negative length": Refused(body_of("Content-Length: -1", body=SMUGGLED)),
    "length with a sign": Refused(body_of("Content-Length: +2", body="{}")),
    "hexadecimal length": Refused(body_of("Content-Length: 0x2", body="{}")),
    "huge length": Refused(body_of("Content-Length: 99999999999999999999999", body="{}")),
    "empty length": Refused(body_of("Content-Length: ", body="{}")),
    "chunks twice": Refused(body_of(CHUNKED, CHUNKED, body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks and then nothing": Refused(body_of("Transfer-Encoding: chunked, identity", body=f"0\r\n\r\n{SMUGGLED}")),
    "nothing and then chunks": Refused(body_of("Transfer-Encoding: identity, chunked", body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks misspelt": Refused(body_of("Transfer-Encoding: xchunked", body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks behind a control character": Refused(
        body_of("Transfer-Encoding: \x0bchunked", body=f"0\r\n\r\n{SMUGGLED}")
    ),
    "space before the colon of chunks": Refused(body_of("Transfer-Encoding : chunked", body=f"0\r\n\r\n{SMUGGLED}")),
    "space before the colon of a length": Refused(body_of("Content-Length : 2", body="{}")),
    "chunks for HTTP/1.0": Refused(body_of(CHUNKED, body=f"0\r\n\r\n{SMUGGLED}").replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
    "header over two lines": Harmless(
        known("/v1/models", "X-A: b", " Transfer-Encoding: chunked"),
        "it arrives as one line, with a space between",
        stripped=("transfer-encoding",),
    ),
    "key over two lines": Harmless(
        request("/v1/models", "Helicone-Auth: Bearer", f"\t{KEY}"), "it is the valid key, and arrives nowhere"
    ),
    "bare carriage return": Harmless(
        known("/v1/models", "X-A: b\rTransfer-Encoding: chunked"),
        "it is left out, the line stays one",
        stripped=("transfer-encoding",),
    ),
    "bare line feed": Harmless(
        known("/v1/models", "X-A: b\nHelicone-Target-Url: http://x"),
        "a line end like any other, for the gateway as for the provider",
        stripped=("helicone-target-url",),
    ),
    "line feeds alone": Harmless(
        known("/v1/models").replace(b"\r\n", b"\n"), "line ends like any other; whole ones arrive"
    ),
    "chunk size that overflows": Refused(body_of(CHUNKED, body=f"FFFFFFFFFFFFFFFFF\r\n{SMUGGLED}")),
    "negative chunk size": Refused(body_of(CHUNKED, body=f"-1\r\n{SMUGGLED}")),
    "chunk size that is none": Refused(body_of(CHUNKED, body=f"x\r\n{SMUGGLED}")),
    "header without a name": Refused(known("/v1/models", ": x")),
    "header without a colon": Refused(known("/v1/models", "X-A")),
    "header name with a space": Refused(known("/v1/models", "X A: b")),
    "header name that is no token": Refused(known("/v1/models", "X-(A): b")),
    "NUL in a value": Refused(known("/v1/models", "X-A: a\0b")),
    "underscore in a name": Refused(known("/v1/models", "X_Gateway_Key: x")),
    "underscore for a hyphen in a length": Refused(body_of("Content_Length: 2", "Content-Length: 0", body="")),
    "oversized header": Refused(known("/v1/models", "X-A: " + "a" * 62_000)),
    "oversized headers together": Refused(known("/v1/models", *(f"X-{number}: {'a' * 7_000}" for number in range(10)))),
    "oversized name": Refused(known("/v1/models", "X" * 62_000 + ": a")),
    "too many headers": Refused(known("/v1/models", *(f"X-{number}: a" for number in range(120)))),
    "line feeds alone between chunks": Refused(body_of(CHUNKED, body="2\n{}\n0\n\n")),
    "line feed in a chunk extension": Refused(body_of(CHUNKED, body="2;a\nb\r\n{}\r\n0\r\n\r\n")),
    "request line with tabs": Harmless(
        known("/v1/models").replace(b"GET /v1/models HTTP", b"GET\t/v1/models\tHTTP"), "it arrives with spaces"
    ),
    "request line of HTTP/0.9": Refused(b"GET /v1/models\r\n\r\n"),
    "another version": Refused(known("/v1/models").replace(b"HTTP/1.1", b"HTTP/9.9")),
    "no HTTP at all": Refused(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 100),
    "a second request behind one without a key": Refused(
        request("/v1/models").replace(b"Connection: close\r\n", b"") + request("/v1/smuggled")
    ),
    "a request in a refused body": Refused(
        request("/v1/embeddings", f"Content-Length: {len(SMUGGLED)}", method="POST", body=SMUGGLED)
    ),
    "a request behind a length of nothing": Harmless(
        body_of("Content-Length: 0", body=SMUGGLED.replace("smuggled", "second")),
        "Connection: close was asked for: what follows is not read",
        arrives=("/v1/embeddings",),
    ),
    "chunk extensions": Harmless(
        body_of(CHUNKED, body='2;a="b;\'c"\r\n{}\r\n0;x\r\n\r\n'), "they end here", arrives=("/v1/embeddings",)
    ),
    "trailer with a target": Harmless(
        body_of(CHUNKED, body="2\r\n{}\r\n0\r\nHelicone-Target-Url: http://x\r\nHost: x\r\n\r\n"),
        "trailers end here",
        arrives=("/v1/embeddings",),
        stripped=("helicone-target-url",),
    ),
}
