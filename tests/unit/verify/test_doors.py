"""Where the edge of one particular host is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.inventory import load_inventory
from gateway.inventory.model import Host
from gateway.verify.doors import Door, connection_address, door_of
from gateway.verify.outside import Trust
from gateway.verify.release_view import ReleaseView
from tests.unit.verify.conftest import PROJECT

PUBLIC = {
    "tls": "off", "name": "", "authority": "", "gateway": "https://llm.example.com", "ui": "https://ui.example.com"
}  # fmt: skip


def release(*ports: tuple[str, int, int], **entrance: str) -> ReleaseView:
    service = {"name": "door", "role": "edge", "image": "i", "hash": "h", "one_shot": False, "environment": {}}
    services = [{**service, "ports": list(ports)}] if ports else []
    return ReleaseView("1-a", {"services": services, "files": {}, "entrance": entrance and {**PUBLIC, **entrance}}, {})


@pytest.fixture
def hosts(tmp_path: Path) -> Mapping[str, Host]:
    (tmp_path / "inventory" / "test").mkdir(parents=True)
    (tmp_path / "roles").symlink_to(PROJECT / "roles")
    (tmp_path / "inventory" / "test" / "hosts.yml").write_text("""
all:
  hosts:
    far: {connection: {address: 192.0.2.1}, private_address: 10.0.0.1}
    here: {connection: {transport: local}}
  children: {app: {hosts: {far: }}, edge: {hosts: {far: , here: }}, data: {hosts: {far: }}}
""")
    return load_inventory(tmp_path, "test", ["private_address=10.0.0.1"]).hosts


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
    hosts: Mapping[str, Host], host: str, address: str, expected: tuple[str, str]
) -> None:
    found = door_of(hosts[host], release((address, 8787, 8787), (address, 3000, 3000), tls="off"), "")
    assert found is not None
    assert (found.gateway, found.ui) == expected


def test_the_ports_are_the_releases_not_the_inventorys(hosts: Mapping[str, Host]) -> None:
    found = door_of(hosts["far"], release(("192.0.2.1", 80, 8787), ("192.0.2.1", 81, 3000), name="192.0.2.1"), "")
    assert found == Door("http://192.0.2.1:80", "http://192.0.2.1:81", Trust("192.0.2.1"))


PORTS = (("10.0.0.1", 1, 8787), ("10.0.0.1", 2, 3000))


def test_with_certificates_the_very_host_is_asked_under_the_name_that_clients_use(hosts: Mapping[str, Host]) -> None:
    found = door_of(hosts["far"], release(*PORTS, tls="internal", name="llm.example.com"), "PEM")
    assert found == Door("https://10.0.0.1:1", "https://10.0.0.1:2", Trust("llm.example.com", "PEM"))


@pytest.mark.parametrize("tls", ["auto", "files"])
def test_an_authority_that_an_edge_once_kept_is_not_asked_for_certificates_of_another(
    hosts: Mapping[str, Host], tls: str
) -> None:
    found = door_of(hosts["far"], release(*PORTS, tls=tls, name="llm.example.com"), "PEM of the mode internal")
    assert found is not None
    assert found.trust == Trust("llm.example.com", "")


def test_the_operators_own_authority_is_trusted(hosts: Mapping[str, Host]) -> None:
    found = door_of(hosts["far"], release(*PORTS, tls="auto", name="llm.example.com", authority="OWN"), "")
    assert found is not None
    assert found.trust == Trust("llm.example.com", "OWN")


def test_a_release_of_before_there_was_tls_is_asked_without(hosts: Mapping[str, Host]) -> None:
    found = door_of(hosts["far"], release(*PORTS), "PEM")
    assert found is not None
    assert (found.gateway, found.ui) == ("http://10.0.0.1:1", "http://10.0.0.1:2")


def test_a_host_without_an_edge_has_no_door(hosts: Mapping[str, Host]) -> None:
    assert door_of(hosts["far"], release(), "") is None


def test_this_machine_is_reached_at_loopback(hosts: Mapping[str, Host]) -> None:
    assert connection_address(hosts["here"]) == "127.0.0.1"
