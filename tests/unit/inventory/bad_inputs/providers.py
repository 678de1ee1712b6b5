"""Providers that cannot be reached, told apart or called so."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, variables

PROVIDERS = {
    "base URL without version": variables(
        "providers: {first: {base_url: https://u:hunter2@x.example}}\n",
        f"{ALL}:1",
        "`providers.first.base_url`",
        "version",
        "//...@",
    ),
    "base URL without host": variables(
        "providers: {first: {base_url: 'http://:80/v1'}}\n", f"{ALL}:1", "`providers.first.base_url`", "URL"
    ),
    "base URL with a port that there is not": variables(
        "providers:\n  first:\n    base_url: http://h:99999/v1\n", f"{ALL}:3", "`providers.first.base_url`", "65535"
    ),
    "the section's old name": variables(
        "provider: {base_url: 'https://x/v1'}\n", f"{ALL}:1", "`provider`", "did you mean `providers`?"
    ),
    "unknown key of a provider": variables(
        "providers:\n  vllm:\n    base_ulr: http://10.0.0.5:8000/v1\n",
        f"{ALL}:3",
        "`providers.vllm.base_ulr`",
        "did you mean `providers.vllm.base_url`?",
    ),
    "provider without a URL": variables(
        "providers: {vllm: {kind: openai}}\n", "inventory/lab", "no value for `providers.vllm.base_url`"
    ),
    "provider without anything": variables("providers:\n  vllm:\n", f"{ALL}:2", "`providers.vllm`", "section"),
    "provider given as a text": variables(
        "providers: {vllm: http://10.0.0.5:8000/v1}\n", f"{ALL}:1", "`providers.vllm`", "section"
    ),
    "providers given as a list": variables("providers: [openai]\n", f"{ALL}:1", "`providers`", "section"),
    "provider with a dot in its name": variables(
        "providers:\n  a.b: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "`a.b`", "nested"
    ),
    "provider with capitals in its name": variables(
        "providers:\n  Open_AI: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "`providers.Open_AI`", "lower-case"
    ),
    "provider named like a route": variables(
        "providers:\n  v1: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "cannot be called v1", "route"
    ),
    "provider named like the health check": variables(
        "providers:\n  healthz: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "cannot be called healthz"
    ),
    "provider of an unknown kind": variables(
        "providers: {first: {kind: openia}}\n", f"{ALL}:1", "`providers.first.kind`", "`openai` or `anthropic`"
    ),
    "key prefix with a space": variables(
        "providers: {first: {key_prefix: 'Bearer x'}}\n", f"{ALL}:1", "`providers.first.key_prefix`", "beginning"
    ),
    "one key prefix for two": variables(
        "providers:\n  third:\n    base_url: https://x/v1\n    key_prefix: ms-\n",
        f"{ALL}:4",
        "providers second and third",
        "`key_prefix`",
    ),
    "default provider that is none": variables(
        "gateway:\n  default_provider: opena1\n", f"{ALL}:2", "opena1, which is no provider", "first, second"
    ),
}
