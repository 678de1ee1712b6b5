"""What a host must offer."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.preflight import check_all, findings, refuse_stranding
from gateway.render.guards import CLOSE_ALL
from gateway.runbooks import about
from tests.unit.situations import bare, container, load, release, running, service

RELEASE = release(service("edge", "edge", ports=[["10.0.0.1", 8787, 8787]]))


@pytest.fixture
def host(tmp_path):
    return load(tmp_path).hosts["app1"]


def asked(host, seen, ports=()):
    return findings(host, "helicone-trial", ports, seen)


def problems(host, made, seen):
    ports = [(one["name"], address, port) for one in made.manifest["services"] for address, port, _ in one["ports"]]
    return [finding.text for finding in asked(host, seen, ports)]


def ask(host, **facts):
    return problems(host, RELEASE, bare(**facts))


def test_a_good_host_has_none(host):
    assert ask(host) == []


@pytest.mark.fault("F6", "F7")
@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"python": "3.7.3"}, "python3 is 3.7.3, older than 3.9"),
        ({"architecture": "riscv64"}, "architecture riscv64"),
        ({"kernel": "5.10.0-33-amd64"}, "older than 5.14"),
        ({"disk_free": {"releases": 50 << 30, "images": 1 << 29}}, "only 0.5 GB of disk are free for images"),
        ({"memory": 512 << 20}, "512 MB of memory"),
        ({"engine": "19.03.1"}, "Docker Engine 19.03.1 is older than docker.minimum_engine"),
        ({"listening": [{"address": "0.0.0.0", "port": 8787}]}, "port 8787 for edge is in use"),  # noqa: S104
        ({"listening": [{"address": "::", "port": 8787}]}, "port 8787 for edge is in use"),
        ({"listening": [{"address": "10.0.0.1", "port": 8787}]}, "port 8787 for edge is in use"),
    ],
)
def test_each_shortcoming_is_a_sentence(host, facts, words):
    [problem] = ask(host, **facts)
    assert words in problem


def test_a_clock_that_is_off_is_a_sentence(host):
    [problem] = problems(host, RELEASE, {**bare(), "clock_off": 86400.0})
    assert "clock is 86400 s off" in problem


@pytest.mark.parametrize(("address", "port"), [("127.0.0.1", 8787), ("0.0.0.0", 8788)])  # noqa: S104
def test_listeners_elsewhere_do_not_matter(host, address, port):
    assert ask(host, listening=[{"address": address, "port": port}]) == []


@pytest.mark.fault("F7")
@pytest.mark.parametrize(
    ("facts", "words"), [({"engine": None, "compose": None}, "no Docker Engine"), ({"compose": "2.1.0"}, "2.1.0")]
)
def test_what_may_not_be_installed_must_be_there(tmp_path, facts, words):
    strict = load(tmp_path, "docker.install=false").hosts["app1"]
    assert any(words in problem for problem in ask(strict, **facts))
    assert ask(load(tmp_path).hosts["app1"], **facts) == []


def ours(address, **changes):
    ports = [{"inside": "8787/tcp", "address": address, "port": 8787}]
    return running(RELEASE, containers=[container("edge", ports=ports, **changes)])


@pytest.mark.parametrize("address", ["10.0.0.1", "0.0.0.0", "127.0.0.1"])  # noqa: S104
def test_a_port_that_is_ours_may_move_to_another_address(host, address):
    seen = ours(address)
    seen["facts"]["listening"] = [{"address": address, "port": 8787}]
    if address == "0.0.0.0":  # noqa: S104 - Docker then listens on both families
        seen["facts"]["listening"].append({"address": "::", "port": 8787})
    assert problems(host, RELEASE, seen) == []


def test_a_port_that_somebody_took_while_ours_stood_still_is_not_ours(host):
    seen = ours("10.0.0.1", state="exited")
    seen["facts"]["listening"] = [{"address": "10.0.0.1", "port": 8787}]
    assert len(problems(host, RELEASE, seen)) == 1


def test_all_hosts_are_told_at_once(tmp_path):
    hosts = load(tmp_path).hosts
    seen = {name: bare(memory=1 << 20) for name in hosts}
    with pytest.raises(ConfigurationError) as caught:
        check_all(hosts, dict.fromkeys(hosts, RELEASE), seen)
    assert [line.partition(":")[0] for line in caught.value.message.splitlines()] == ["app1", "app2", "data1"]
    check_all(hosts, dict.fromkeys(hosts, RELEASE), dict.fromkeys(hosts, bare()))


@pytest.mark.fault("F8", "F16")
@pytest.mark.parametrize("state", ["running", "exited"])  # without the release's folder they may not have come back
def test_an_environment_whose_releases_are_elsewhere_is_not_taken_for_a_new_one(host, state):
    seen = {**bare(), "containers": [container("db", state=state), container("jawn")]}
    [finding] = asked(host, seen)
    assert finding.text == (
        "containers of this environment are here (db, jawn), and /opt/helicone on this host has no release of it"
    )
    assert "put `directory` back" in finding.next_step
    assert "label=com.docker.compose.project=helicone-trial" in finding.next_step
    assert asked(host, running(RELEASE, containers=seen["containers"])) == []


def test_a_first_deploy_that_was_cut_off_is_gone_on_with(host):
    begun = {"step": "switching", "release": "1-aaaaaaaaaaaa", "previous": None}
    half = running(RELEASE, containers=[container("db")], history=[], interrupted=begun)
    assert asked(host, half) == []
    retiring = {"step": "retiring", "release": None, "previous": "1-aaaaaaaaaaaa"}
    assert asked(host, {**half, "interrupted": retiring}) == []
    assert asked(host, {**bare(), "releases": ["1-aaaaaaaaaaaa"], "interrupted": retiring}) == []


def test_what_stands_in_the_way_everywhere_is_told_with_what_to_type(tmp_path):
    hosts = load(tmp_path).hosts
    lost = {**bare(), "containers": [container("jawn")]}
    with pytest.raises(ConfigurationError) as caught:
        check_all(hosts, dict.fromkeys(hosts, RELEASE), dict.fromkeys(hosts, lost))
    assert caught.value.next_step.startswith("put `directory` back")
    assert caught.value.next_step.endswith(", then deploy again")
    with pytest.raises(ConfigurationError) as caught:
        check_all(hosts, dict.fromkeys(hosts, RELEASE), {**dict.fromkeys(hosts, lost), "app1": bare(memory=1 << 20)})
    assert caught.value.next_step.startswith("put it right on the host")


def close(tmp_path, *settings):
    return load(tmp_path, "firewall.mode=host", *settings).hosts["app1"]


def offering(*ports, bridges=()):
    return {"exposed": {"ports": ["22/tcp", *ports], "bridges": list(bridges)}}


def test_closing_a_host_needs_a_word_about_everything_that_it_offers(tmp_path):
    [problem] = ask(close(tmp_path), **offering("9100/tcp", "8787/tcp", "68/udp"))
    assert "would close 9100/tcp" in problem
    [finding] = [one for one in asked(close(tmp_path), bare(**offering("9100/tcp"))) if one.text == problem]
    assert "firewall.extra_ports" in finding.next_step
    assert ask(close(tmp_path, "firewall.extra_ports={9100/tcp: []}"), **offering("9100/tcp")) == []
    assert ask(close(tmp_path, "firewall.closed_ports=[9100/tcp]"), **offering("9100/tcp")) == []
    [problem] = ask(close(tmp_path, "firewall.closed_ports=[53/udp]"), **offering("53/tcp"))
    assert "53/tcp" in problem


def test_a_port_of_ours_that_moves_is_ours(tmp_path):
    seen = ours("10.0.0.1")
    seen["containers"][0]["ports"][0]["port"] = 8788
    seen["facts"] |= offering("8788/tcp")
    assert problems(close(tmp_path), RELEASE, seen) == []


def test_a_host_that_is_closed_already_is_not_asked_again(tmp_path):
    seen = running(RELEASE)
    seen["facts"] |= offering("9100/tcp")
    assert len(problems(close(tmp_path), RELEASE, seen)) == 1
    seen["contents"]["guard/firewall.nft"] = "  tcp dport 5432 counter drop\n"
    assert len(problems(close(tmp_path), RELEASE, seen)) == 1
    seen["contents"]["guard/firewall.nft"] = f"  {CLOSE_ALL}\n"
    assert problems(close(tmp_path), RELEASE, seen) == []


def test_guarding_our_own_ports_asks_nothing(tmp_path):
    assert ask(load(tmp_path, "firewall.mode=ports").hosts["app1"], **offering("9100/tcp", bridges=["br-lan"])) == []


def test_a_bridge_called_like_dockers_would_stay_open(tmp_path):
    [problem] = ask(close(tmp_path), **offering(bridges=["br-lan"]))
    assert "br-lan" in problem


@pytest.mark.parametrize(
    ("setting", "facts", "words"),
    [
        ("firewall.mode=host", {"nftables": False}, "no nftables, which firewall.mode host needs"),
        ("firewall.mode=ports", {"nftables": False}, "no nftables, which firewall.mode ports needs"),
        ("firewall.mode=ports", {"tools": {"nftables": False, "apt-get": False}}, "nftables is missing"),
        (
            "hardening.updates=true",
            {"tools": {"unattended-upgrades": False, "apt-get": False}},
            "unattended-upgrades is missing",
        ),
    ],
)
def test_what_the_guards_need(tmp_path, setting, facts, words):
    [problem] = ask(load(tmp_path, setting).hosts["app1"], **facts)
    assert words in problem
    assert ask(load(tmp_path).hosts["app1"], **facts) == []


def test_a_recorder_whose_records_wait_stays():
    """A spool that nobody reads any more is lost without a word."""
    without, with_one = release().manifest, release(service("recorder", "edge")).manifest
    seen = running(RELEASE, containers=[container("recorder", state="exited")])
    seen["edge"] = {"authority": "", "keys_age": None, "recorder": {"waiting": 3, "age": 4000.0}}
    with pytest.raises(ConfigurationError, match="3 records wait for Helicone in the recorder's spool") as caught:
        refuse_stranding({"app1": without}, {"app1": seen}, "trial")
    assert caught.value.where == "app1"
    assert caught.value.next_step.endswith("invoke status --env trial")
    assert about([caught.value.message]) == ["docs/runbooks/requests-not-in-the-ui.md"]
    refuse_stranding({"app1": with_one}, {"app1": seen}, "trial")
    refuse_stranding({"app1": without}, {"app1": {**seen, "containers": []}}, "trial")
    seen["edge"]["recorder"]["waiting"] = 0
    refuse_stranding({"app1": without}, {"app1": seen}, "trial")
    refuse_stranding({"app1": without}, {"app1": {**seen, "edge": bare()["edge"]}}, "trial")
