"""Attacks by the path: what a provider, or a proxy before it, might read as another one."""

from __future__ import annotations

from tests.templates.attacks.attack import Harmless, Refused, known

PATHS = {
    name: Refused(known(path))
    for name, path in {
        "dot segments": "/v1/../admin",
        "dot segments to another provider": "/v1/../modelscope/v1/models",
        "dot segments at the end": "/v1/models/..",
        "one dot": "/v1/./models",
        "three dots": "/v1/.../models",
        "hidden name": "/v1/.git/config",
        "escaped dot segments": "/v1/%2e%2e/admin",
        "escaped dot segments in capitals": "/v1/%2E%2E/admin",
        "half escaped dot segments": "/v1/.%2e/admin",
        "doubly escaped dot segments": "/v1/%252e%252e/admin",
        "escaped slash": "/v1/x%2f..%2fadmin",
        "escaped slash in capitals": "/v1%2Fmodels",
        "backslash": "/v1/..\\admin",
        "escaped backslash": "/v1/..%5cadmin",
        "NUL": "/v1/models%00.json",
        "line end": "/v1/models%0d%0aHelicone-Auth:%20x",
        "escape of four digits": "/v1/%u002e%u002e/admin",
        "escape cut off": "/v1/models%2",
        "escape of nothing": "/v1/models%zz",
        "double slash": "/v1//models",
        "double slash in front": "//v1/models",
        "semicolon": "/v1/..;/admin",
        "parameter": "/v1/models;a=b",
        "escaped semicolon": "/v1/models%3b/../admin",
        "escaped question mark": "/v1/models%3f/../x",
        "fragment": "/v1/models#/../x",
        "escaped fragment": "/v1/models%23",
        "letters that are none": "/v1/m\xf6dels",
        "angle brackets": "/v1/<script>",
        "braces": "/v1/{x}",
        "pipe": "/v1/a|b",
        "very long": "/v1/" + "a" * 70_000,
        "dot segments behind a query sign of the route": "/v1?/../v1/models",
    }.items()
} | {
    "overlong escape of a dot": Harmless(
        known("/v1/%c0%ae%c0%ae/x"), "no slash, no dot: it stays below the base path", arrives=("/v1/%c0%ae%c0%ae/x",)
    ),
    "dot segments in the query": Harmless(
        known("/v1/models?next=/../../admin//x;y"),
        "a query is no path",
        arrives=("/v1/models?next=/../../admin//x;y",),
    ),
    "very deep": Harmless(known("/v1" + "/a" * 200), "as long as a header may be", arrives=("/v1" + "/a" * 200,)),
}
