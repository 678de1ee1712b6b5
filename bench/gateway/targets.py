"""What is measured, and which parts of the machine work for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.gateway.layout import GATEWAY_PORT, LITELLM_KEY, LITELLM_PORT, PROVIDER_KEY, PROVIDER_PORT

# What a request passes through or is copied to while the client waits or right after, without Helicone's services.
EDGE_PARTS = ("gateway", "recorder", "keys")
HELICONE_PARTS = ("jawn", "egress", "clickhouse", "db", "object-store")
OWN_PARTS = {
    "direct": (),
    "edge": EDGE_PARTS,
    "inline": ("gateway", "keys", *HELICONE_PARTS),
    "litellm": ("litellm",),
}


@dataclass(frozen=True)
class Target:
    """One way to the provider. `recording` is what gateway.recording has to be, empty if it does not matter."""

    name: str
    label: str
    address: tuple[str, int]
    headers: Mapping[str, str] = field(repr=False)
    recording: str = ""

    @property
    def recorded(self) -> bool:
        """Return whether each of its requests has to be found in Helicone's store."""
        return bool(self.recording)


def targets(address: str, helicone_key: str) -> tuple[Target, ...]:
    """Return all targets at an address of this machine; the first is what the others are compared with."""
    provider = {"Authorization": f"Bearer {PROVIDER_KEY}"}
    helicone = {**provider, "Helicone-Auth": f"Bearer {helicone_key}"}
    gateway = (address, GATEWAY_PORT)
    return (
        Target("direct", "provider direct", (address, PROVIDER_PORT), provider),
        Target("edge", "this edge, recording on", gateway, helicone, "edge"),
        Target("inline", "jawn inline (STAND-IN)", gateway, helicone, "inline"),
        Target(
            "litellm",
            "LiteLLM proxy, recording nothing",
            (address, LITELLM_PORT),
            {"Authorization": f"Bearer {LITELLM_KEY}"},
        ),
    )


def order(names: tuple[Target, ...], round_number: int) -> tuple[Target, ...]:
    """Return the targets in the order of a round: each round begins with the next one."""
    start = round_number % len(names)
    return names[start:] + names[:start]
