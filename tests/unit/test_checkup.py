"""What stands in the way of a first deploy, with what to type next."""

from __future__ import annotations

import pytest

from gateway.checkup import DOCKERS_OWN, files_of, host_findings, places_of, registries_of
from tests.unit.situations import bare, load


@pytest.fixture
def inventory(tmp_path):
    return load(tmp_path, "images.jawn=registry.example.com:5000/jawn:1")


def examined(inventory, name, **changes):
    """Return what a host says that has everything and reaches everything."""
    host = inventory.hosts[name]
    places = [
        {"name": place, "port": port, "problem": "", "refused": not listens}
        for (place, port), (_, listens) in places_of(inventory, host).items()
    ]
    own = ["127.0.0.1", host.private_address]
    return {
        "system": "Debian 12", "addresses": own, "can_install": True, "systemd": True, "places": places,
        "files": {}, "registries": {}, **changes,
    }  # fmt: skip


def ask(inventory, name="app1", facts=None, **changes):
    return host_findings(inventory, inventory.hosts[name], bare(**(facts or {})), examined(inventory, name, **changes))


@pytest.mark.parametrize("name", ["app1", "data1"])
def test_a_good_host_has_no_findings(inventory, name):
    assert ask(inventory, name) == []


def test_every_finding_says_what_to_type_next(inventory):
    found = ask(
        inventory, facts={"memory": 1 << 20, "disk_free": {"images": 1}, "engine": None, "compose": None,
                          "architecture": "riscv64", "kernel": "5.4.0",
                          "listening": [{"address": "0.0.0.0", "port": 8787}]},  # noqa: S104
        addresses=["127.0.0.1"], can_install=False, files={"/etc/x.pem": False}, registries={"a:1": "no route"},
    )  # fmt: skip
    assert len(found) == 9
    assert all(one.text and one.next_step for one in found)


def test_an_address_that_is_not_the_hosts_own_is_named_with_its_variable(inventory):
    [finding] = ask(inventory, "data1", addresses=["127.0.0.1", "192.168.1.5"])
    assert "10.0.0.3 is no address of this host" in finding.text
    assert finding.next_step.startswith("set private_address for data1")


def test_no_docker_and_no_way_to_install_it(inventory):
    [finding] = ask(inventory, facts={"engine": None, "compose": None}, can_install=False)
    assert "no apt-get" in finding.text


def test_an_app_host_must_reach_stores_registry_and_providers(inventory):
    places = places_of(inventory, inventory.hosts["app1"])
    assert {("registry.example.com", 5000), ("api.openai.com", 443), ("10.0.0.3", 5432), ("10.0.0.3", 8123)} <= set(
        places
    )
    assert ("api.openai.com", 443) not in places_of(inventory, inventory.hosts["data1"])
    assert (DOCKERS_OWN, 443) not in places


def test_a_store_that_does_not_run_yet_may_refuse_and_a_registry_may_not(inventory):
    def refused(place):
        everything = examined(inventory, "app1")["places"]
        return [{**one, "refused": True} if one["name"] == place else one for one in everything]

    assert ask(inventory, places=refused("10.0.0.3")) == []
    [finding] = ask(inventory, places=refused("registry.example.com"))
    assert "connection was refused" in finding.text


def test_what_is_filtered_is_told_with_the_port(inventory):
    everything = examined(inventory, "app1")["places"]
    places = [{**one, "problem": "no answer within 5 s"} if one["port"] == 5432 else one for one in everything]
    [finding] = ask(inventory, places=places)
    assert finding.text == "it does not reach 10.0.0.3 port 5432 (postgres on data1): no answer within 5 s"
    assert "nc -vz 10.0.0.3 5432" in finding.next_step


def test_external_stores_must_listen(tmp_path):
    inventory = load(
        tmp_path, "postgres={mode: external, host: pg.example.com}",
        "clickhouse={mode: external, url: 'https://ch.example.com:8443'}",
        "object_store={mode: external, endpoint: 'https://s3.example.com:9443'}",
    )  # fmt: skip
    places = places_of(inventory, inventory.hosts["app1"])
    assert places["pg.example.com", 5432][1]
    assert places["ch.example.com", 8443][1]
    assert places["s3.example.com", 9443][1]


def test_registries_are_those_of_the_images(tmp_path):
    host = load(tmp_path, "images.jawn=registry.example.com:5000/jawn:1@sha256:" + "a" * 64).hosts["app1"]
    found = registries_of(host)
    assert found["registry.example.com", 5000] == "registry.example.com:5000/jawn:1"
    assert set(found) == {("registry.example.com", 5000), (DOCKERS_OWN, 443)}


def test_certificates_that_the_inventory_promises_must_be_there(tmp_path):
    inventory = load(tmp_path, "edge.tls.mode=files")
    files = files_of(inventory.hosts["app1"])
    assert files == ["/etc/helicone/tls/fullchain.pem", "/etc/helicone/tls/privkey.pem"]
    assert files_of(inventory.hosts["data1"]) == []
    [finding] = ask(inventory, files={files[0]: True, files[1]: False})
    assert "privkey.pem is not there" in finding.text
