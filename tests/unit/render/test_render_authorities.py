"""What clients have to trust, and what the edge trusts when it asks an ACME authority of the operator's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.render import render_environment
from gateway.render.authorities import operators_authority
from gateway.render.model import Entrance
from gateway.upstream import Upstream
from gateway.vault import Vault
from tests.unit.render.looking import text_of
from tests.unit.situations import load

PEM = (Path(__file__).parent / "authority.pem").read_text()
AUTO = ("edge.tls.mode=auto", "edge.tls.names=[llm.example.com]")
OWN = (*AUTO, "edge.tls.authority=https://ca.example.com/acme/acme/directory")
FILE = "edge.tls.authority_certificate=inventory/trial/authority.pem"


def own(tmp_path: Path, *settings: str, content: str = PEM) -> Inventory:
    inventory = load(tmp_path, *settings)
    (inventory.path / "authority.pem").write_text(content)
    return inventory


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (("edge.tls.mode=internal", FILE), ""),
        (("edge.tls.mode=off", FILE), ""),
        (("edge.tls.mode=files", FILE), ""),
        (AUTO, ""),
        ((*OWN, FILE), PEM),
    ],
)
def test_an_authority_of_the_operators_counts_where_certificates_are_asked_for(
    tmp_path: Path, settings: tuple[str, ...], expected: str
) -> None:
    inventory = own(tmp_path, *settings)
    assert operators_authority(inventory, inventory.hosts["app1"]) == expected


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_file_without_a_certificate_is_refused(tmp_path: Path, content: str) -> None:
    inventory = own(tmp_path, *OWN, FILE, content=content)
    with pytest.raises(ConfigurationError, match="the authority's certificate cannot be read"):
        operators_authority(inventory, inventory.hosts["app1"])


def test_a_file_that_is_not_there_is_refused_with_its_place(tmp_path: Path) -> None:
    inventory = load(tmp_path, *OWN, FILE)
    with pytest.raises(ConfigurationError) as caught:
        operators_authority(inventory, inventory.hosts["app1"])
    assert caught.value.where == "app1: edge.tls.authority_certificate"


def test_the_edge_is_told_of_an_authority_of_the_operators_and_only_of_that(
    inventory: Callable[..., Inventory], vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    public = render_environment(inventory("single", *AUTO), vault, upstream, lock)["one"]
    assert "trusted_roots" not in text_of(public, "edge/Caddyfile")

    found = inventory("single", *OWN, "edge.tls.authority_certificate=inventory/single/authority.pem")
    (found.path / "authority.pem").write_text(PEM)
    own = render_environment(found, vault, upstream, lock)["one"]
    assert "trusted_roots /etc/caddy/authority.pem" in text_of(own, "edge/Caddyfile")
    assert text_of(own, "edge/authority.pem").strip() == PEM.strip()
    assert own.entrance == Entrance(
        "auto", "llm.example.com", PEM, "https://llm.example.com:8787", "https://llm.example.com:3000"
    )
