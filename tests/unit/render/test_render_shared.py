"""What Compose makes of the form that hosts share is, once it is a host's own, what it makes of the host's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.inventory.published import PublishedPort, published_ports
from gateway.render import kept, render_environment
from gateway.render.addresses import mappings_of
from gateway.render.kept import KeptMerges
from gateway.render.merge import merged_definition
from gateway.render.quoting import quote_compose, quote_env
from gateway.render.shared import SharedForm, merged_by_form, shared_form
from gateway.secret import Secret
from gateway.upstream import Upstream
from gateway.vault import Vault
from tests.examples import examples
from tests.unit.render.conftest import LAYOUTS, EveryImage
from tests.unit.render.test_render_quoting import AWKWARD, KNOWN

Load = Callable[..., Inventory]
KEY = b"k" * 32
DIRECTORY = "/opt/x/current"
# What would be taken for a mapping, a substitute or a comment by whoever looks at text without knowing what it says.
DECEPTIVE = (
    'ports: !override ["10.0.0.1:8585:8585"]',
    '"]\nports: !override ["10.0.0.1:8585:8585"]\n',
    "# trial on app1",
    "240.0.0.1",
    "10.0.0.1:8585:8585",
    *KNOWN,
)
IPV6 = """
all:
  hosts:
    edge1: {connection: {address: "2001:db8::e1"}, publish_address: "2001:db8::e1", private_address: "fd00::e1"}
    edge2: {connection: {address: "2001:db8::e2"}, publish_address: "::", private_address: "fd00::e2"}
    app1: {connection: {address: "2001:db8::a1"}, private_address: "fd00::a1"}
    app2: {connection: {address: "2001:db8::a2"}, private_address: "240.0.0.1"}
    data1: {connection: {address: "2001:db8::d1"}, private_address: "fd00::d1"}
  vars:
    urls: {ui: "https://helicone.example.com", gateway: "https://llm.example.com"}
    edge: {tls: {mode: auto, names: [llm.example.com]}}
  children:
    data: {hosts: {data1: }}
    app: {hosts: {app1: , app2: }}
    edge: {hosts: {edge1: , edge2: }}
"""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, bytes]]:
    """Collect the files of every run of Compose that is kept."""
    made: list[Mapping[str, bytes]] = []

    def counted(project: str, directory: str, files: Mapping[str, bytes], *words: Any) -> Mapping[str, Any]:
        made.append(files)
        return merged_definition(project, directory, files, *words)

    monkeypatch.setattr(kept, "merged_definition", counted)
    return made


def same(loaded: Inventory, vault: Vault, upstream: Upstream, folder: Path) -> None:
    """Assert that every host gets what a run of Compose for itself gives, in the same order."""
    shared = KeptMerges(folder, KEY)
    rendered = render_environment(loaded, vault, upstream, EveryImage(), shared.merged)
    for name, host in rendered.items():
        files = {path: file.content for path, file in host.files.items()}
        ports = published_ports(loaded.hosts[name], loaded)
        found = merged_by_form(shared.merged, host.project, DIRECTORY, files, ports)
        assert json.dumps(found) == json.dumps(merged_definition(host.project, DIRECTORY, files))


@pytest.mark.parametrize("layout", [*LAYOUTS, "ipv6"])
def test_every_layout(
    inventory: Load, vault: Vault, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    monkeypatch.setitem(LAYOUTS, "ipv6", IPV6)

    same(inventory(layout), vault, upstream, tmp_path / "merged")


@pytest.mark.parametrize("layout", ["three", "five"])
def test_deceptive_values(inventory: Load, vault: Vault, upstream: Upstream, tmp_path: Path, layout: str) -> None:
    words = [f"jawn.environment.WORD{index}={json.dumps(text)}" for index, text in enumerate(DECEPTIVE)]
    secrets = {**vault.values, "better_auth_secret": Secret("".join(DECEPTIVE))}

    same(inventory(layout, *words), Vault(secrets), upstream, tmp_path / "merged")


def test_hosts_that_differ_in_names_and_addresses_share_one_run(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str], tmp_path: Path, runs: list[Any]
) -> None:
    merge = KeptMerges(tmp_path / "merged", KEY).merged
    rendered = render_environment(inventory("five"), vault, upstream, lock, merge)

    assert len(rendered) == 5
    assert len(runs) == 3  # for edges, apps and data
    assert len(list((tmp_path / "merged").iterdir())) == 3
    ports = [host.services[0].ports for name, host in rendered.items() if name.startswith("app")]
    assert ports == [(("10.0.0.1", 8585, 8585),), (("10.0.0.2", 8585, 8585),)]


def test_what_compose_would_look_at_is_not_shared(
    inventory: Load, vault: Vault, upstream: Upstream, lock: dict[str, str], tmp_path: Path, runs: list[Any]
) -> None:
    loaded = inventory("five")
    app2 = loaded.hosts["app2"]
    own = app2.variables.model_copy(update={"jawn": app2.variables.jawn.model_copy(update={"memory": "3g"})})
    hosts = {**loaded.hosts, "app2": replace(app2, variables=own)}

    render_environment(replace(loaded, hosts=hosts), vault, upstream, lock, KeptMerges(tmp_path, KEY).merged)

    assert len(runs) == 4


ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(["0.0.0.0", "::", "127.0.0.1", "::1", "240.0.0.1", "240.0.0.2", "100::1", "::ffff:10.0.0.1"]),  # noqa: S104
    st.sampled_from([IPv4Address("10.0.0.1"), IPv6Address("fd00::1")]).map(str),
)
SERVICES = ("db", "clickhouse", "object-store", "egress", "web", "door")
PORTS = st.lists(
    st.builds(
        PublishedPort, st.just("ports.x"), st.sampled_from(SERVICES), ADDRESSES, st.integers(1, 65535),
        st.integers(1, 65535), st.just(""),
    ),
    max_size=8,
    unique_by=lambda port: port.port,
)  # fmt: skip


def files_of(name: str, ports: list[PublishedPort], word: str) -> dict[str, bytes]:
    """Return files of the shape of this project's."""
    lines = [f"# {name}", "# Rendered", "services:"]
    for service, mappings in mappings_of(ports).items():
        lines += [f"  {service}:", "    image: x", f"    ports: {mappings}", "    environment: !override"]
        lines += [f"      LITERAL: {quote_compose(word)}", '      WORD: "${WORD}"', "      BLOCK: |-", "        # kept"]
        lines += [f"        {'ports: [mine]'}"]
    upstream = "services:\n  web:\n    image: y\n    ports: ['3000:3000']\n    environment: {A: b}\n"
    return {
        "compose.upstream.yml": upstream.encode(),
        "compose.override.yml": ("\n".join(lines) + "\n").encode(),
        ".env": f"# {name}\n# '\"$X\nWORD={quote_env(word)}\n".encode(),
    }


@settings(
    max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(PORTS, st.one_of(AWKWARD, st.sampled_from(DECEPTIVE)))
def test_any_addresses_in_any_order(ports: list[PublishedPort], word: str) -> None:
    files = files_of("host", ports, word)

    assert json.dumps(merged_by_form(merged_definition, "test", DIRECTORY, files, ports)) == json.dumps(
        merged_definition("test", DIRECTORY, files)
    )


def port(address: str, service: str = "web") -> PublishedPort:
    return PublishedPort("ports.x", service, address, 3000, 3000, "")


def form(address: str, word: str = "", name: str = "host") -> SharedForm:
    return shared_form(files_of(name, [port(address)], word), [port(address)])


def test_form_has_no_names_and_no_addresses() -> None:
    one, other = form("10.0.0.1", name="app1"), form("10.0.0.2", name="app2")

    assert one.files == other.files
    assert one.addresses == {"240.0.0.1": "10.0.0.1"}
    assert b"# kept" in one.files["compose.override.yml"]
    assert one.files[".env"].startswith(b"#\n#\nWORD=")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "FD00::1", ""])  # noqa: S104
def test_addresses_that_compose_may_write_otherwise_stay(address: str) -> None:
    assert form(address).addresses == {}


def test_files_with_a_stand_in_of_their_own_keep_their_addresses() -> None:
    assert form("10.0.0.1", "see 240.0.0.1").addresses == {}


def test_mappings_that_are_not_found_once_stay() -> None:
    files = files_of("host", [port("10.0.0.1")], "")

    assert shared_form(files, [port("10.0.0.1"), port("10.0.0.2", "db")]).addresses == {}


def test_a_comment_that_another_reader_might_end_early_stays() -> None:
    content = "# a\u2028b: c\nservices: {}\n".encode()

    files = shared_form({**files_of("host", [], ""), "compose.override.yml": content}, []).files

    assert files["compose.override.yml"] == content


def test_compose_complains_about_the_hosts_own_files() -> None:
    files = files_of("host", [port("10.0.0.1")], "")
    files["compose.override.yml"] += b"  broken:\n    build: {}\n    image: 1\n"
    seen = []

    def merge(project: str, directory: str, files: Mapping[str, bytes], *words: Any) -> Mapping[str, Any]:
        seen.append(files["compose.override.yml"])
        return merged_definition(project, directory, files, *words)

    with pytest.raises(ConfigurationError, match="Compose cannot merge"):
        merged_by_form(merge, "test", DIRECTORY, files, [port("10.0.0.1")])

    assert seen[-1] == files["compose.override.yml"]
