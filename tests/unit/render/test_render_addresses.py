"""Who reaches whom, and at which address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.render import topology
from gateway.render.addresses import provider_of, public_urls, stores_of

Load = Callable[..., Inventory]


def without_private_address(inventory: Inventory, name: str) -> Inventory:
    host = inventory.hosts[name]
    blank = replace(host, variables=host.variables.model_copy(update={"private_address": ""}))
    return replace(inventory, hosts={**inventory.hosts, name: blank})


@pytest.mark.parametrize(("layout", "name"), [("single", "one"), ("three", "data1"), ("external", "one")])
def test_migrations_run_on_the_data_host_else_on_the_first_app_host(inventory: Load, layout: str, name: str) -> None:
    assert topology.migrator(inventory(layout)) == name


def test_an_edge_uses_the_app_beside_it_or_all(inventory: Load) -> None:
    three, five = inventory("three"), inventory("five")

    assert [host.name for host in topology.app_hosts_behind(three, three.hosts["app2"])] == ["app2"]
    assert [host.name for host in topology.app_hosts_behind(five, five.hosts["edge2"])] == ["app1", "app2"]


def test_stores_are_reached_by_service_name_or_private_address(inventory: Load) -> None:
    single, three = inventory("single"), inventory("three", "ports.postgres=6000")

    assert stores_of(single, single.hosts["one"]).postgres == "db:5432"
    assert stores_of(three, three.hosts["app1"]).postgres == "10.0.0.3:6000"
    assert stores_of(three, three.hosts["data1"]).clickhouse == "http://clickhouse:8123"


def test_missing_private_address_is_named_with_its_use(inventory: Load) -> None:
    broken = without_private_address(inventory("three"), "data1")

    with pytest.raises(ConfigurationError, match="app1 connects to its clickhouse") as caught:
        stores_of(broken, broken.hosts["app1"])

    assert caught.value.where == "host data1"


@pytest.mark.parametrize(
    ("settings", "ui"),
    [
        ((), "http://127.0.0.1:3000"),
        (("ports.ui=80",), "http://127.0.0.1:80"),
        (("publish_address=0.0.0.0",), "http://127.0.0.1:3000"),
        (("publish_address=2001:db8::1",), "http://[2001:db8::1]:3000"),
        (("urls.ui=https://x.example.com",), "https://x.example.com"),
    ],
)
def test_urls_follow_the_edge_unless_said(inventory: Load, settings: tuple[str, ...], ui: str) -> None:
    single = inventory("single", *settings)

    assert public_urls(single, single.hosts["one"]).ui == ui


def test_every_edge_tells_its_own_address(inventory: Load) -> None:
    three = inventory("three")

    assert public_urls(three, three.hosts["app2"]).gateway == "http://10.0.0.2:8787"


def test_base_url_comes_apart() -> None:
    provider = provider_of("https://dashscope.aliyuncs.com/compatible-mode/v1")

    assert (provider.origin, provider.host_header, provider.base_path) == (
        "https://dashscope.aliyuncs.com",
        "dashscope.aliyuncs.com",
        "/compatible-mode/v1",
    )
