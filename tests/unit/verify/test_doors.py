"""Where the edge of one particular host is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.inventory import Inventory, load_inventory
from gateway.verify.doors import Door, connection_address, door_of
from gateway.verify.outside import Trust
from gateway.verify.release_view import ReleaseView
from tests.unit.situations import load
from tests.unit.verify.conftest import PROJECT


def release(*ports: tuple[str, int, int]) -> ReleaseView:
    service = {"name": "door", "role": "edge", "image": "i", "hash": "h", "one_shot": False, "environment": {}}
    return ReleaseView("1-a", {"services": [{**service, "ports": list(ports)}], "files": {}}, {})


@pytest.fixture
def behind_balancer(tmp_path: Path) -> Inventory:
    (tmp_path / "inventory" / "test").mkdir(parents=True)
    (tmp_path / "roles").symlink_to(PROJECT / "roles")
    (tmp_path / "inventory" / "test" / "hosts.yml").write_text("""
all:
  vars: {urls: {gateway: "https://llm.example.com", ui: "https://ui.example.com"}}
  hosts:
    far: {connection: {address: 192.0.2.1}, private_address: 10.0.0.1}
    here: {connection: {transport: local}}
  children: {app: {hosts: {far: }}, edge: {hosts: {far: , here: }}, data: {hosts: {far: }}}
""")
    return load_inventory(tmp_path, "test", ["private_address=10.0.0.1"])


@pytest.mark.parametrize(
    ("host", "address", "expected"),
    [
        ("far", "192.0.2.7", ("http://192.0.2.7:8787", "http://192.0.2.7:3000")),
        ("far", "2001:db8::7", ("http://[2001:db8::7]:8787", "http://[2001:db8::7]:3000")),
        ("far", "0.0.0.0", ("http://192.0.2.1:8787", "http://192.0.2.1:3000")),  # noqa: S104 - compared with
        ("far", "127.0.0.1", ("https://llm.example.com", "https://ui.example.com")),
        ("here", "127.0.0.1", ("http://127.0.0.1:8787", "http://127.0.0.1:3000")),
    ],
)
def test_the_very_host_is_asked_where_it_can_be(
    behind_balancer: Inventory, host: str, address: str, expected: tuple[str, str]
) -> None:
    published = release((address, 8787, 8787), (address, 3000, 3000))
    found = door_of(behind_balancer, behind_balancer.hosts[host], published, "")
    assert found is not None
    assert (found.gateway, found.ui) == expected


def test_the_ports_are_the_releases_not_the_inventorys(behind_balancer: Inventory) -> None:
    found = door_of(
        behind_balancer, behind_balancer.hosts["far"], release(("192.0.2.1", 80, 8787), ("192.0.2.1", 81, 3000)), ""
    )
    assert found == Door("http://192.0.2.1:80", "http://192.0.2.1:81", Trust("192.0.2.1"))


def test_with_certificates_the_very_host_is_asked_under_the_name_that_clients_use(tmp_path: Path) -> None:
    inventory = load(tmp_path, "edge.tls.mode=internal", "edge.tls.names=[llm.example.com, 10.0.0.1]")
    found = door_of(inventory, inventory.hosts["app1"], release(("10.0.0.1", 1, 8787), ("10.0.0.1", 2, 3000)), "PEM")
    assert found == Door("https://10.0.0.1:1", "https://10.0.0.1:2", Trust("llm.example.com", "PEM"))


def test_an_authority_that_an_edge_once_kept_is_not_asked_for_certificates_of_another(tmp_path: Path) -> None:
    published = release(("10.0.0.1", 1, 8787), ("10.0.0.1", 2, 3000))
    for mode in ("auto", "files"):
        inventory = load(tmp_path, f"edge.tls.mode={mode}", "edge.tls.names=[llm.example.com]")
        found = door_of(inventory, inventory.hosts["app1"], published, "PEM of the mode internal")
        assert found is not None
        assert found.trust == Trust("llm.example.com", "")


def test_a_host_without_an_edge_has_no_door(behind_balancer: Inventory) -> None:
    view = ReleaseView("1-a", {"services": [], "files": {}}, {})
    assert door_of(behind_balancer, behind_balancer.hosts["far"], view, "") is None


def test_this_machine_is_reached_at_loopback(behind_balancer: Inventory) -> None:
    assert connection_address(behind_balancer.hosts["here"]) == "127.0.0.1"
