"""The edge of a rendered host: what is replaced beside itself, what is read while it runs, what is secret."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway.inventory import Inventory
from gateway.render import render_environment
from gateway.upstream import Upstream
from gateway.vault import Vault
from tests.unit.render.looking import changed_lines, merged_of, text_of
from tests.unit.situations import PROJECT

Load = Callable[..., Inventory]
BESIDE = ("edge", "keys", "recorder", "gateway")


def test_certificates_by_acme_need_a_third_port(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    settings = ("edge.tls.mode=auto", "edge.tls.names=[llm.example.com]", "publish_address=192.0.2.1")
    host = render_environment(inventory("single", *settings), vault, upstream, lock)["one"]

    assert {service.name: service.ports for service in host.services if service.ports} == {
        "door": (("192.0.2.1", 8787, 8787), ("192.0.2.1", 3000, 3000), ("192.0.2.1", 80, 80))
    }


@pytest.mark.parametrize(
    "setting",
    [
        "providers.vllm.base_url=http://10.0.0.5:8000/v1",
        "providers.deepseek.base_url=https://deepseek.example.com/v1",
        "providers.dashscope.key_prefix=ds-",
    ],
)
def test_a_provider_that_is_added_or_changed_needs_no_new_container(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str], setting: str
) -> None:
    before = render_environment(inventory("single"), vault, upstream, lock)["one"]
    after = render_environment(inventory("single", setting), vault, upstream, lock)["one"]

    assert {path.partition("/")[0] for path in changed_lines(before, after)} == {"live"}
    assert [service.content_hash for service in before.services] == [service.content_hash for service in after.services]
    gateway = next(service for service in after.services if service.name == "gateway")
    assert gateway.live == ("live/gateway/clusters.yaml", "live/gateway/routes.yaml")


def test_a_live_file_names_its_own_content_as_version(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    routes = "live/gateway/routes.yaml"
    plain, same, other = (
        text_of(render_environment(inventory("single", *settings), vault, upstream, lock)["one"], routes)
        for settings in ((), (), ("providers.deepseek.key_prefix=ds-",))
    )
    versions = [re.findall(r'^version_info: "([0-9a-f]{12})"$', text, re.MULTILINE) for text in (plain, same, other)]

    assert plain == same
    assert [len(found) for found in versions] == [1, 1, 1]
    assert versions[0] == versions[1] != versions[2]


def test_the_edge_is_replaced_beside_itself_and_only_its_namespace_stays(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    host = render_environment(inventory("single"), vault, upstream, lock)["one"]
    definitions = merged_of(host)["services"]

    assert [service.name for service in host.services if service.handover] == list(BESIDE)
    for name in BESIDE:
        assert definitions[name]["network_mode"] == "service:door"
        assert not definitions[name].get("ports")
    assert {name for name in definitions if definitions[name].get("network_mode") == "service:door"} == set(BESIDE)


def test_the_recorder_gets_its_program_by_the_release(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    host = render_environment(inventory("five"), vault, upstream, lock)["edge1"]

    assert text_of(host, "recorder/__main__.py") == (PROJECT / "gateway/recorder/__main__.py").read_text()
    recorder = next(service for service in host.services if service.name == "recorder")
    assert recorder.environment["CLICKHOUSE_URL"] == "http://10.0.0.3:8123"
    assert recorder.environment["RECORDER_JAWN"] == "http://10.0.0.1:8585,http://10.0.0.2:8585"
    assert "CLICKHOUSE_PASSWORD" not in recorder.environment


def test_the_key_of_routes_without_keys_is_there_for_those_only(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    without = render_environment(inventory("single"), vault, upstream, lock)["one"]
    within = render_environment(inventory("single", "providers.openai.inject_key=true"), vault, upstream, lock)["one"]
    key = vault["helicone_api_key"].reveal()

    assert "INJECTED_KEY" not in (merged_of(without)["services"]["gateway"].get("environment") or {})
    assert merged_of(within)["services"]["gateway"]["environment"]["INJECTED_KEY"] == key
    assert "INJECTED_KEY" in within.secret_keys
    assert key not in text_of(within, "live/gateway/routes.yaml") + text_of(within, "gateway/gateway.lua")


def test_postgresql_by_an_address_of_ipv6_is_named_without_brackets(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    """As libpq takes it from PGHOST; the URLs of other programs need the brackets."""
    loaded = inventory("five", "private_address=2001:db8::3")
    environment = text_of(render_environment(loaded, vault, upstream, lock)["edge1"], ".env")

    assert 'GATEWAY_POSTGRES_HOST="2001:db8::3"' in environment
    assert 'GATEWAY_POSTGRES_PORT="5432"' in environment
    assert 'CLICKHOUSE_URL="http://[2001:db8::3]:8123"' in environment


def test_the_operators_certificates_are_the_only_other_folder_that_is_mounted(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    settings = ("edge.tls.mode=files", "edge.tls.directory=/etc/own/tls", "edge.tls.names=[llm.example.com]")
    services = merged_of(render_environment(inventory("single", *settings), vault, upstream, lock)["one"])["services"]
    mounted = {
        name: [mount["source"] for mount in service.get("volumes") or [] if mount["source"] == "/etc/own/tls"]
        for name, service in services.items()
    }

    assert {name for name, found in mounted.items() if found} == {"edge", "gateway"}
    assert "caddy reload" in str(services["edge"]["command"])


def test_no_folder_of_a_release_is_mounted_because_pruning_empties_it(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    host = render_environment(inventory("single"), vault, upstream, lock)["one"]
    mounted = re.findall(r'/current/([^:"]+):', text_of(host, "compose.override.yml"))

    assert "recorder/__main__.py" in mounted
    assert [path for path in mounted if path not in host.files] == []
