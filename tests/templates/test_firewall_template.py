"""The rendered rules in a kernel of their own network: who gets in where, with nft and real connections."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.render.guards import rules_of
from gateway.render.templates import render_template
from tests.unit.situations import load

PROGRAM = Path(__file__).with_name("firewalled_host.py")
HOSTS = """
all:
  hosts:
    app1: {connection: {address: 10.8.0.2}, private_address: 10.8.0.2, publish_address: 10.8.0.2}
    box: {connection: {address: 10.9.0.1}, private_address: 10.8.0.1, publish_address: 10.9.0.1}
  children:
    data: {hosts: {box: }}
    app: {hosts: {app1: , box: }}
    edge: {hosts: {app1: , box: }}
"""
Probe = tuple[str, str, int]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(not (shutil.which("nft") and shutil.which("ip")), reason="nft and ip are not installed"),
]


@pytest.fixture
def rules(tmp_path: Path) -> Callable[..., str]:
    """Return a renderer of the rules of `box`, for an environment of a name."""

    def render(*settings: str, environment: str = "trial") -> str:
        inventory = load(tmp_path, *settings, hosts=HOSTS)
        host = inventory.hosts["box"]
        return render_template("firewall/firewall.nft.j2", {
            "project": f"helicone-{environment}", "host": "box", "firewall": host.variables.firewall,
            "rules": rules_of(inventory, host),
        })  # fmt: skip

    return render


def reached(rules: list[str], probes: list[Probe]) -> set[Probe]:
    """Return the probes that got a connection."""
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, str(PROGRAM)],
        input=json.dumps({"rules": rules, "probes": probes}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine allows no network namespaces")
    assert done.returncode == 0, done.stderr
    return {probe for probe, got in zip(probes, json.loads(done.stdout), strict=True) if got}


EVERYTHING: list[Probe] = [
    *(("stranger", "10.9.0.1", port) for port in (22, 3000, 8787, 9100, 9999)),
    *(("stranger", "fd09::1", port) for port in (22, 8787, 9999)),
    ("stranger", "10.8.0.1", 22), ("stranger", "10.8.0.1", 5432), ("stranger", "172.20.0.2", 5432),
    ("peer", "10.8.0.1", 5432), ("peer", "10.9.0.1", 8787), ("peer", "10.8.0.1", 9999),
    ("container", "172.20.0.1", 9999), ("container", "10.9.0.1", 9999), ("host", "127.0.0.1", 9999),
    ("host", "172.20.0.2", 5432),
    ("container", "10.8.0.1", 5432),
]  # fmt: skip
INSIDE = {probe for probe in EVERYTHING if probe[0] in ("container", "host")} - {("container", "10.8.0.1", 5432)}


def test_without_rules_everybody_reaches_everything():
    found = reached([], EVERYTHING)
    assert set(EVERYTHING) - found <= {("container", "10.8.0.1", 5432)}  # back to itself: nobody needs that


def test_a_closed_host_answers_strangers_by_ssh_and_the_edge_alone(rules):
    found = reached([rules("firewall.mode=host")], EVERYTHING)
    assert found - {("container", "10.8.0.1", 5432)} == INSIDE | {
        ("stranger", "10.9.0.1", 22), ("stranger", "10.9.0.1", 3000), ("stranger", "10.9.0.1", 8787),
        ("stranger", "fd09::1", 22), ("stranger", "10.8.0.1", 22),
        ("peer", "10.8.0.1", 5432), ("peer", "10.9.0.1", 8787),
    }  # fmt: skip


def test_guarding_our_ports_alone_leaves_the_rest_of_the_host_as_it_is(rules):
    found = reached([rules("firewall.mode=ports")], EVERYTHING)
    closed = {("stranger", "10.8.0.1", 5432), ("stranger", "172.20.0.2", 5432), ("container", "10.8.0.1", 5432)}
    assert found | closed == set(EVERYTHING)
    assert not found & {("stranger", "10.8.0.1", 5432), ("stranger", "172.20.0.2", 5432)}


@pytest.mark.parametrize(
    ("setting", "probe"),
    [
        ("firewall.ssh_from=[10.8.0.0/24]", ("10.9.0.1", 22)),
        ("firewall.allow_from=[10.8.0.0/24]", ("10.9.0.1", 8787)),
    ],
)
def test_networks_narrow_who_gets_in(rules, setting, probe):
    found = reached([rules("firewall.mode=host", setting)], [("stranger", *probe), ("peer", *probe)])
    assert found == {("peer", *probe)}


def test_further_ports_networks_and_interfaces_are_let_in(rules):
    probes = [("stranger", "10.9.0.1", 9100), ("stranger", "10.9.0.1", 9999), ("stranger", "10.8.0.1", 5432)]
    assert reached([rules("firewall.mode=host")], probes) == set()
    extra = rules("firewall.mode=host", "firewall.extra_ports={9100/tcp: [10.9.0.0/24], 9999/tcp: [10.8.0.0/24]}")
    assert reached([extra], probes) == {probes[0]}
    assert reached([rules("firewall.mode=host", "firewall.private_from=[10.9.0.66/32]")], probes) == {probes[2]}
    assert reached([rules("firewall.mode=host", "firewall.trusted_interfaces=[stranger]")], probes) == set(probes)


def test_two_environments_on_one_host_do_not_close_each_other(rules):
    first = rules("firewall.mode=host")
    second = rules("firewall.mode=host", "ports.gateway=9999", "ports.postgres=5433", environment="other")
    for both in ([first, second], [second, first]):
        found = reached(both, [("stranger", "10.9.0.1", port) for port in (22, 8787, 9999, 9100)])
        assert {port for _, _, port in found} == {22, 8787, 9999}
        assert reached(both, [("peer", "10.8.0.1", 5432), ("stranger", "10.8.0.1", 5432)]) == {
            ("peer", "10.8.0.1", 5432)
        }


def test_loading_again_replaces_the_table_and_leaves_others_alone(rules):
    other = "table inet others {\n    chain mine {\n    }\n}\n"
    found = reached([other, rules("firewall.mode=host"), rules("firewall.mode=ports"), "delete table inet others\n"],
                    [("stranger", "10.9.0.1", 9999)])  # fmt: skip
    assert found == {("stranger", "10.9.0.1", 9999)}


def test_a_new_host_is_one_line(rules):
    before = rules("firewall.mode=host").splitlines()
    after = rules("firewall.mode=host", "firewall.private_from=[192.0.2.0/24]").splitlines()
    assert [line for line in after if line not in before] == ["            192.0.2.0/24,"]
    assert len(after) == len(before) + 1
