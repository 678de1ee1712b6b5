"""Whole hosts, through the real Compose: four layouts, and what must hold of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.render import render_environment
from gateway.secret import Secret
from gateway.upstream import Upstream
from gateway.vault import Vault
from tests.unit.render.looking import changed_lines, merged_of, text_of

Load = Callable[..., Inventory]
EDGE = ["door", "edge", "keys", "recorder", "gateway"]
SERVICES = {
    "single": {"one": ["db", "clickhouse", "object-store", "migrations", "egress", "jawn", "web", *EDGE]},
    "three": {
        "app1": ["egress", "jawn", "web", *EDGE],
        "app2": ["egress", "jawn", "web", *EDGE],
        "data1": ["db", "clickhouse", "object-store", "migrations"],
    },
    "five": {
        "edge1": EDGE,
        "edge2": EDGE,
        "app1": ["egress", "jawn", "web"],
        "app2": ["egress", "jawn", "web"],
        "data1": ["db", "clickhouse", "object-store", "migrations"],
    },
    "external": {"one": ["migrations", "egress", "jawn", "web", *EDGE]},
}


@pytest.mark.parametrize("layout", SERVICES)
def test_every_layout_passes_the_rules_and_runs_only_its_services(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str], layout: str
) -> None:
    rendered = render_environment(inventory(layout), vault, upstream, lock)

    assert {name: [service.name for service in host.services] for name, host in rendered.items()} == SERVICES[layout]
    for host in rendered.values():
        assert list(merged_of(host)["services"]) == sorted(service.name for service in host.services)
        assert all(re.fullmatch(r".+@sha256:a{64}", service.image) for service in host.services)


def test_single_host_publishes_only_the_edge(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    host = render_environment(inventory("single"), vault, upstream, lock)["one"]

    assert {service.name: service.ports for service in host.services if service.ports} == {
        "door": (("127.0.0.1", 8787, 8787), ("127.0.0.1", 3000, 3000))
    }


def test_separate_hosts_publish_on_private_addresses_what_others_need(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    rendered = render_environment(inventory("five"), vault, upstream, lock)
    ports = {name: [port for service in host.services for port in service.ports] for name, host in rendered.items()}

    assert ports["data1"] == [("10.0.0.3", 5432, 5432), ("10.0.0.3", 8123, 8123), ("10.0.0.3", 9000, 9000)]
    assert ports["app2"] == [("10.0.0.2", 8585, 8585), ("10.0.0.2", 3001, 3000)]
    assert ports["edge1"] == [("203.0.113.1", 8787, 8787), ("203.0.113.1", 3000, 3000)]
    assert "to 10.0.0.1:8585 10.0.0.2:8585" in text_of(rendered["edge1"], "edge/Caddyfile")
    assert "health_uri /healthcheck" in text_of(rendered["edge1"], "edge/Caddyfile")


def test_jawn_lives_in_the_namespace_of_egress_and_starts_anew_with_it(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    before = render_environment(inventory("single"), vault, upstream, lock)["one"]
    after = render_environment(
        inventory("single", "providers.openai.base_url=https://openai.example.com/v1"), vault, upstream, lock
    )["one"]
    jawn = merged_of(before)["services"]["jawn"]
    hashes = [{service.name: service.content_hash for service in host.services} for host in (before, after)]

    assert jawn["network_mode"] == "service:egress"
    assert not jawn.get("ports")
    assert jawn["command"] == ["node", "dist/valhalla/jawn/src/index.js"]
    assert jawn["init"] is True
    assert {name for name in hashes[0] if hashes[0][name] != hashes[1][name]} == {"egress", "jawn"}
    assert set(changed_lines(before, after)) == {
        "egress/Caddyfile",
        "live/gateway/clusters.yaml",
        "live/gateway/routes.yaml",
    }


def test_each_password_of_postgres_has_a_login_of_its_own_and_restarts_nothing_on_the_data_host(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    other = Vault({**vault.values, "postgres_password": Secret("another-password-1")})
    before, after = (render_environment(inventory("three"), one, upstream, lock) for one in (vault, other))
    users = [
        merged_of(one["app1"])["services"]["jawn"]["environment"]["SUPABASE_DATABASE_URL"].split(":")[1]
        for one in (before, after)
    ]
    assert [re.fullmatch("//helicone_[0-9a-f]{8}", user) is not None for user in users] == [True, True]
    assert users[0] != users[1]
    assert before["data1"].files[".env"] != after["data1"].files[".env"]  # so that the host switches all the same
    changed = {
        one.name for one, two in zip(before["data1"].services, after["data1"].services, strict=True)
        if one.content_hash != two.content_hash
    }  # fmt: skip
    assert changed <= {"migrations"}


def test_addresses_of_external_stores_arrive(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    services = merged_of(render_environment(inventory("external"), vault, upstream, lock)["one"])["services"]

    password = vault["postgres_password"].reveal()
    assert services["jawn"]["environment"]["SUPABASE_DATABASE_URL"] == (
        f"postgres://helicone:{password}@pg.example.com:6432/helicone"
    )
    assert services["migrations"]["environment"]["FLYWAY_URL"] == "jdbc:postgresql://pg.example.com:6432/helicone"
    assert '"CLICKHOUSE_HOST":"https://ch.example.com:8443"' in services["jawn"]["environment"]["CLICKHOUSE_CREDS"]
    assert services["jawn"]["environment"]["S3_ENDPOINT_PUBLIC"] == "https://s3.example.com"


def test_urls_said_by_the_inventory_reach_jawn_and_web(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    services = merged_of(render_environment(inventory("five"), vault, upstream, lock)["app2"])["services"]

    assert services["web"]["environment"]["NEXT_PUBLIC_HELICONE_JAWN_SERVICE"] == "https://helicone.example.com/jawn"
    assert services["jawn"]["environment"]["BETTER_AUTH_URL"] == "https://helicone.example.com"
    assert services["web"]["environment"]["NEXT_PUBLIC_BASE_PATH"] == "https://llm.example.com/v1"
    assert services["jawn"]["environment"]["S3_ENDPOINT_PUBLIC"] == "https://helicone.example.com"
    assert services["jawn"]["environment"]["S3_ENDPOINT"] == "http://10.0.0.3:9000"


@pytest.mark.parametrize(
    ("setting", "file", "line", "restarted"),
    [
        ("jawn.environment.LOG_LEVEL=debug", "compose.override.yml", '      LOG_LEVEL: "debug"', {"jawn"}),
        ("jawn.environment.NODE_ENV=production", "compose.override.yml", '      NODE_ENV: "production"', {"jawn"}),
        ("jawn.memory=3g", "compose.override.yml", '    mem_limit: "3g"', {"jawn"}),
        ("jawn.cpus=1.5", "compose.override.yml", "    cpus: 1.5", {"jawn"}),
        ("object_store.region=eu-1", ".env", 'OBJECT_STORE_REGION="eu-1"', {"jawn"}),
        ("postgres.database=other", ".env", 'POSTGRES_DATABASE="other"', {"db", "migrations", "jawn", "web", "keys"}),
        ("urls.ui=https://ui.example.com", ".env", 'UI_URL="https://ui.example.com"', {"jawn", "web"}),
        (
            "ports.ui=3333",
            "compose.override.yml",
            '    ports: !override ["127.0.0.1:8787:8787", "127.0.0.1:3333:3000"]',
            set(EDGE),
        ),
        ("gateway.allow_from=[10.0.0.0/8]", "gateway/envoy.yaml", None, {"gateway"}),
        ("recorder.spool=4g", "compose.override.yml", '      RECORDER_SPOOL_BYTES: "4294967296"', {"recorder"}),
        ("ports.gateway=8788", "compose.override.yml", None, set(EDGE)),
        ("retention.bodies_days=30", ".env", 'RETENTION_BODIES_DAYS="30"', set()),
        ("retention.requests_days=400", ".env", 'RETENTION_REQUESTS_DAYS="400"', set()),
        (
            "retention.system_logs_days=3",
            "compose.override.yml",
            '      SYSTEM_LOGS_TTL: "event_date + INTERVAL 3 DAY DELETE"',
            {"clickhouse"},
        ),
        ("retention.system_logs_days=0", "compose.override.yml", '      SYSTEM_LOGS_TTL: ""', {"clickhouse"}),
        ("retention.objects_days=30", "compose.override.yml", '      RETENTION_DAYS: "30"', {"object-store"}),
    ],
)
def test_one_changed_variable_changes_one_line(
    inventory: Load,
    vault: Vault,
    upstream: Upstream,
    lock: dict[str, str],
    setting: str,
    file: str,
    line: str | None,
    restarted: set[str],
) -> None:
    fixed = ("urls.ui=http://ui", "urls.gateway=http://gateway", "object_store.public_endpoint=http://public")
    before = render_environment(inventory("single", *fixed), vault, upstream, lock)["one"]
    after = render_environment(inventory("single", *fixed, setting), vault, upstream, lock)["one"]
    hashes = [{service.name: service.content_hash for service in host.services} for host in (before, after)]

    changed = changed_lines(before, after)
    assert list(changed) == [file]
    assert line is None or changed[file] == [line]
    assert {name for name in hashes[0] if hashes[0][name] != hashes[1][name]} == restarted


def test_rendering_twice_gives_the_same_bytes(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    first = render_environment(inventory("five"), vault, upstream, lock)
    second = render_environment(inventory("five"), vault, upstream, lock)

    assert first == second


def test_secrets_stand_in_env_and_nowhere_else(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    host = render_environment(inventory("single"), vault, upstream, lock)["one"]
    values = [secret.reveal() for secret in vault.values.values() if secret.reveal()]

    for path, file in host.files.items():
        assert file.mode == (0o600 if path == ".env" else 0o644)
        if path != ".env":
            assert not [value for value in values if value in file.content.decode()], path
    shown = repr(host)
    assert not [value for value in values if value in shown]
    assert {"POSTGRES_PASSWORD", "BETTER_AUTH_SECRET", "JAWN_REQUEST_CACHE_KEY"} <= host.secret_keys
    assert "REQUEST_CACHE_KEY" not in host.services[5].environment
    assert host.services[5].environment["VERCEL_ENV"] == "development"


def test_labels_carry_the_hashes(inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]) -> None:
    host = render_environment(inventory("single"), vault, upstream, lock)["one"]

    labels = yaml.safe_load(host.files["compose.labels.yml"].content)["services"]

    assert {name: one["labels"]["helicone.content-hash"] for name, one in labels.items()} == {
        service.name: service.content_hash for service in host.services
    }


def test_limit_renders_only_the_selected(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    assert list(render_environment(inventory("three", limit="app2"), vault, upstream, lock)) == ["app2"]


def test_unpinned_image_names_key_and_command(inventory: Load, vault: Vault, upstream: Upstream) -> None:
    with pytest.raises(ConfigurationError) as caught:
        render_environment(inventory("single"), vault, upstream, {})

    assert "images.caddy of one" in str(caught.value)
    assert "invoke images.lock --env single" in caught.value.next_step


def test_upstream_that_gains_a_service_does_not_start_it(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    grown = replace(
        upstream, compose=upstream.compose.replace(b"  redis:\n", b"  phone-home:\n    image: x\n  redis:\n")
    )

    host = render_environment(inventory("single"), vault, grown, lock)["one"]

    assert "phone-home" not in merged_of(host)["services"]


@pytest.mark.parametrize("compose", [b"services: [", b"[]", b"name: x\n", b""])
def test_upstream_file_that_is_no_compose_file_is_refused(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str], compose: bytes
) -> None:
    with pytest.raises(ConfigurationError, match="no services"):
        render_environment(inventory("single"), vault, replace(upstream, compose=compose), lock)


def test_setting_that_breaks_a_rule_is_refused(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="jawn: VERCEL_ENV must be development"):
        render_environment(inventory("single", "jawn.environment.VERCEL_ENV=production"), vault, upstream, lock)


def test_secret_that_is_missing_is_named(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]
) -> None:
    without = Vault({name: value for name, value in vault.values.items() if name != "request_cache_key"})

    with pytest.raises(ConfigurationError, match="request_cache_key"):
        render_environment(inventory("single"), without, upstream, lock)


def test_hostile_secret_arrives_whole(inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str]) -> None:
    hostile = 'it\'s $HOME "quoted" #no comment \\n ${X:-y} $$ \n second line \t é `id`'
    changed = Vault({**vault.values, "better_auth_secret": Secret(hostile)})

    host = render_environment(inventory("single"), changed, upstream, lock)["one"]

    assert merged_of(host)["services"]["web"]["environment"]["BETTER_AUTH_SECRET"] == hostile
    assert all(re.match(r'#|[A-Z_0-9]+=".*"$', line) for line in text_of(host, ".env").splitlines())
