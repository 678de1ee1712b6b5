"""Which guards a host gets, and what its rules say."""

from __future__ import annotations

import pytest

from gateway.render.context import planned_files
from gateway.render.guards import CLOSE_ALL, guard_files, hosts_networks, rules_of
from tests.unit.situations import load


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ((), []),
        (("firewall.mode=ports",), ["guard/firewall.nft"]),
        (("firewall.mode=host", "hardening.sshd=true"), ["guard/firewall.nft", "guard/sshd.conf"]),
        (("hardening.updates=true",), ["guard/updates.conf"]),
    ],
)
def test_a_host_gets_only_what_the_inventory_wants(tmp_path, settings, files):
    host = load(tmp_path, *settings).hosts["data1"]
    assert sorted(guard_files(host)) == files
    assert [name for name in planned_files(host) if name.startswith("guard/")] == files


def test_the_stores_are_for_the_environments_hosts(tmp_path):
    inventory = load(tmp_path, "firewall.mode=ports", "firewall.private_from=['2001:db8::/64']")
    host = inventory.hosts["data1"]
    assert hosts_networks(inventory, host) == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::/64"]
    rules = rules_of(inventory, host)
    assert rules.sets == {
        "hosts4": ("ipv4_addr", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        "hosts6": ("ipv6_addr", ["2001:db8::/64"]),
    }
    assert "ip daddr 10.0.0.3 tcp dport 5432 ip saddr @hosts4 goto admitted" in rules.admit
    assert "ip daddr 10.0.0.3 tcp dport 5432 counter drop" in rules.close
    assert CLOSE_ALL not in rules.close
    assert any("oifname" in line and "8123" in line for line in rules.close)


def test_a_closed_host_lets_ssh_and_the_edge_in_and_nothing_else(tmp_path):
    inventory = load(tmp_path, "firewall.mode=host", "connection.port=2222", "firewall.ssh_from=[192.0.2.0/24]")
    rules = rules_of(inventory, inventory.hosts["app1"])
    assert [line for line in rules.admit if "udp" not in line] == [
        "tcp dport 2222 ip saddr @operators4 goto admitted",
        "ip daddr 10.0.0.1 tcp dport 8787 goto admitted",
        "ip daddr 10.0.0.1 tcp dport 3000 goto admitted",
    ]
    assert rules.close[0] == CLOSE_ALL


def test_certificate_authorities_get_in_wherever_clients_come_from(tmp_path):
    settings = ("edge.tls.mode=auto", "edge.tls.names=[llm.example.com]", "firewall.allow_from=[192.0.2.0/24]")
    inventory = load(tmp_path, "firewall.mode=ports", *settings)
    rules = rules_of(inventory, inventory.hosts["app1"])
    assert "ip daddr 10.0.0.1 tcp dport 80 goto admitted" in rules.admit
    assert "ip daddr 10.0.0.1 tcp dport 8787 ip saddr @clients4 goto admitted" in rules.admit


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        ("0.0.0.0", ["fib daddr type local tcp dport 8787 ip saddr @clients4 goto admitted",  # noqa: S104
                     "fib daddr type local tcp dport 8787 ip6 saddr @clients6 goto admitted"]),
        ("2001:db8::7", ["ip6 daddr 2001:db8::7 tcp dport 8787 ip6 saddr @clients6 goto admitted"]),
        ("192.0.2.7", ["ip daddr 192.0.2.7 tcp dport 8787 ip saddr @clients4 goto admitted"]),
    ],
)  # fmt: skip
def test_both_families_of_addresses(tmp_path, address, lines):
    networks = "firewall.allow_from=[192.0.2.0/24, '2001:db8::/32']"
    inventory = load(tmp_path, "firewall.mode=ports", networks, f"publish_address={address}")
    rules = rules_of(inventory, inventory.hosts["app1"])
    assert [line for line in rules.admit if " 8787 " in line] == lines
