"""Attacks that name another place to go to: in a header, in the host, in the request's target."""

from __future__ import annotations

from tests.templates.attacks.attack import WITH_KEY, Harmless, Refused, known

TARGETS = {
    "target URL of ClickHouse": Harmless(
        known("/v1/models", "Helicone-Target-Url: http://clickhouse:8123/x.openai.azure.com"),
        "the route alone chooses the provider",
        stripped=("helicone-target-url",),
    ),
    "target URL of a metadata service": Harmless(
        known("/v1/models", "Helicone-Target-Url: http://169.254.169.254/latest/meta-data"),
        "the route alone chooses the provider",
        stripped=("helicone-target-url",),
    ),
    "base URL with @": Harmless(
        known("/v1/models", "Helicone-OpenAI-Api-Base: https://api.groq.com@other.example"),
        "the route alone chooses the provider",
        stripped=("helicone-openai-api-base",),
    ),
    "base URL with a host that goes on": Harmless(
        known("/v1/models", "Helicone-OpenAI-Api-Base: https://api.groq.com.other.example"),
        "the route alone chooses the provider",
        stripped=("helicone-openai-api-base",),
    ),
    "fallbacks that are no JSON": Harmless(
        known("/v1/models", "Helicone-Fallbacks: {"), "nobody reads them", stripped=("helicone-fallbacks",)
    ),
    "forwarded host": Harmless(
        known("/v1/models", "X-Forwarded-Host: clickhouse:8123", "Forwarded: host=clickhouse"),
        "nobody reads it",
        stripped=("x-forwarded-host", "forwarded"),
    ),
    "forwarded for this machine": Harmless(
        known("/v1/models", "X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "X-Forwarded-Proto: https"),
        "nobody reads it",
        stripped=("x-forwarded-for", "x-real-ip", "x-forwarded-proto"),
    ),
    "original URL": Harmless(
        known("/v1/models", "X-Original-Url: /admin", "X-Rewrite-Url: /admin"),
        "not a header that Envoy or OpenAI's API reads; the path stays",
    ),
    "Envoy's own instructions": Harmless(
        known(
            "/v1/models",
            "X-Envoy-Original-Dst-Host: 169.254.169.254:80",
            "X-Envoy-Retry-On: 5xx",
            "X-Envoy-Max-Retries: 100",
            "X-Envoy-Upstream-Rq-Timeout-Ms: 1",
            "X-Envoy-Hedge-On-Per-Try-Timeout: true",
        ),
        "no caller is internal",
        stripped=("x-envoy-original-dst-host", "x-envoy-retry-on", "x-envoy-max-retries"),
    ),
    "another method in a header": Harmless(
        known("/v1/models", "X-Http-Method-Override: DELETE"), "the provider is OpenAI's API, which does not read it"
    ),
    "host of ClickHouse": Harmless(known("/v1/models", host="clickhouse:8123"), "the route rewrites it"),
    "host of a metadata service": Harmless(known("/v1/models", host="169.254.169.254"), "the route rewrites it"),
    "host with @": Harmless(known("/v1/models", host="h@clickhouse:8123"), "the route rewrites it"),
    "two hosts": Harmless(known("/v1/models", "Host: clickhouse:8123"), "the route rewrites both into one"),
    "no host": Refused(f"GET /v1/models HTTP/1.1\r\n{WITH_KEY}\r\n\r\n".encode()),
    "absolute target of ClickHouse": Refused(
        known("http://clickhouse:8123/?query=SELECT%201"), "its path has no route"
    ),
    "absolute target of a metadata service": Harmless(
        known("http://169.254.169.254/v1/models"), "only the path of it is used"
    ),
    "absolute target with @": Harmless(known("http://h@clickhouse:8123/v1/models"), "only the path of it is used"),
    "absolute target of another scheme": Refused(known("ftp://clickhouse/v1/models")),
    "path with @": Harmless(
        known("/v1/@clickhouse:8123/x"), "a path of the provider's", arrives=("/v1/@clickhouse:8123/x",)
    ),
    "path that begins like a host": Refused(known("//clickhouse:8123/v1/models")),
    "path that is a host": Refused(known("clickhouse:8123")),
    "path of Envoy's own interface": Refused(known("/stats")),
    "path that ends Envoy": Refused(known("/quitquitquit", method="POST")),
    "path of jawn's open gateway": Refused(known("/v1/gateway/oai/../../x", method="POST")),
    "path of ClickHouse's queries": Refused(known("/?query=SELECT+1")),
    "asterisk": Refused(known("*", method="OPTIONS")),
}
