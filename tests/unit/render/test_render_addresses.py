"""Who reaches whom, and at which address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.render import topology
from gateway.render.addresses import certificate_finder, certificate_names, providers_of, public_urls, stores_of

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
        (("edge.tls.mode=internal",), "https://127.0.0.1:3000"),
        (("edge.tls.mode=internal", "edge.tls.names=[llm.example.com, 10.0.0.9]"), "https://llm.example.com:3000"),
    ],
)
def test_urls_follow_the_edge_unless_said(inventory: Load, settings: tuple[str, ...], ui: str) -> None:
    single = inventory("single", *settings)

    assert public_urls(single, single.hosts["one"]).ui == ui


def test_every_edge_tells_its_own_address(inventory: Load) -> None:
    three = inventory("three")

    assert public_urls(three, three.hosts["app2"]).gateway == "http://10.0.0.2:8787"


def test_base_url_comes_apart(inventory: Load) -> None:
    host = inventory("single", "providers.vllm.base_url=http://[2001:db8::5]:8000/api/v3").hosts["one"]
    found = {provider.name: provider for provider in providers_of(host)}

    dashscope, vllm = found["dashscope"], found["vllm"]
    assert (dashscope.origin, dashscope.host_header, dashscope.base_path) == (
        "https://dashscope.aliyuncs.com",
        "dashscope.aliyuncs.com",
        "/compatible-mode/v1",
    )
    assert (vllm.host, vllm.port, vllm.host_header) == ("2001:db8::5", 8000, "[2001:db8::5]:8000")


def test_the_longest_key_prefix_is_tried_first(inventory: Load) -> None:
    added = [
        f"providers.{name}={{base_url: 'https://x/v1', key_prefix: {key}}}"
        for name, key in (("a", "sk-"), ("b", "sk-ant-api"))
    ]
    found = providers_of(inventory("single", *added).hosts["one"])

    assert [provider.key_prefix for provider in found if provider.key_prefix] == ["sk-ant-api", "sk-ant-", "sk-", "ms-"]


def test_every_provider_has_a_port_of_its_own_beside_jawn(inventory: Load) -> None:
    found = providers_of(inventory("single", "gateway.default_provider=modelscope").hosts["one"])
    ports = {provider.name: provider.egress for provider in found}

    assert ports["modelscope"] == 9101
    assert len(set(ports.values())) == len(ports)
    assert 9102 not in ports.values()


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ((), ["127.0.0.1"]),
        (("publish_address=2001:db8::1",), ["2001:db8::1"]),
        (("edge.tls.names=[a.example.com, 10.0.0.1]",), ["a.example.com", "10.0.0.1"]),
    ],
)
def test_certificates_are_for_what_the_edge_is_called_by(
    inventory: Load, settings: tuple[str, ...], names: list[str]
) -> None:
    assert certificate_names(inventory("single", *settings).hosts["one"]) == names


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        (
            ("edge.tls.mode=internal",),
            ["/certificates/caddy/certificates/local/x", "/certificates/caddy/certificates/local/x/x.crt"],
        ),
        (
            ("edge.tls.mode=auto", "edge.tls.names=[x]"),
            [
                "/certificates/caddy/certificates/acme-v02.api.letsencrypt.org-directory/x",
                "/certificates/caddy/certificates/acme-v02.api.letsencrypt.org-directory/x/x.crt",
            ],
        ),
        (("edge.tls.mode=files",), ["/certificates", "/certificates/fullchain.pem"]),
    ],
)
def test_certificates_are_where_caddy_or_the_operator_puts_them(
    inventory: Load, settings: tuple[str, ...], files: list[str]
) -> None:
    find = certificate_finder(inventory("single", *settings).hosts["one"])

    assert [find("x", ""), find("x", "crt")] == files
