"""Client load while things change and break: no request fails, and every one is recorded, once, with its own time.

LAB_OUTAGE_SECONDS says how long each part stays down, LAB_RATE how many requests are sent a second. The
long form is 30 and 50, and its deploys are under two minutes of load at least.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.fault_report import Counts
from tests.lab.clients import HOSTS
from tests.lab.command import authorities, containers, gateway, http, lab, on_host, secret
from tests.lab.load import Sent, failures, start, stored

OUTAGE = float(os.environ.get("LAB_OUTAGE_SECONDS", "5"))
RATE = float(os.environ.get("LAB_RATE", "25"))
UNDER_DEPLOYS = 120.0 if OUTAGE >= 30 else 0.0  # seconds of load at least, however quick the deploys are
RECOVERY = 600.0
RECORDER = "$(docker ps -q --filter label=com.docker.compose.service=recorder)"
VLLM = "providers.vllm.base_url=http://172.30.87.6:8080/dashscope/compatible-mode/v1"


@contextmanager
def load(at_least: float = 0.0) -> Iterator[list[Sent]]:
    """Keep load on both gateways, for so many seconds at least; the list is filled at the end."""
    sent: list[Sent] = []
    ends = time.monotonic() + at_least
    running = start([gateway(host) for host in HOSTS], secret("helicone_api_key"), authorities(), RATE)
    time.sleep(3)
    try:
        yield sent
        time.sleep(max(3.0, ends - time.monotonic()))
    finally:
        sent += running.end()


def kill(host: str, service: str) -> None:
    """End a service's first process by force, as a crash would."""
    labels = (
        f"--filter label=com.docker.compose.project=helicone-lab --filter label=com.docker.compose.service={service}"
    )
    on_host(host, f"kill -9 $(docker inspect --format '{{{{.State.Pid}}}}' $(docker ps -q {labels}))")


@pytest.fixture(scope="module", autouse=True)
def made_well(as_found_in_the_end: None) -> Iterator[None]:
    """Take away in the end what crashed, for a deploy to make anew: verify holds it against a container for a while.

    Without the owner of their network the edge's other services have to go, too.
    """
    yield
    project = "label=com.docker.compose.project=helicone-lab"
    restarted = "docker inspect --format '{{.RestartCount}} {{.Name}}' $(docker ps -aq --filter " + project + ")"
    for host in HOSTS:
        names = [line.split("/")[1] for line in on_host(host, restarted).splitlines() if not line.startswith("0 ")]
        if any("-door-" in name for name in names):
            listing = on_host(host, f"docker ps -a --filter {project} --format '{{{{.Names}}}}'").split()
            names = [name for name in listing if name.split("-")[2] in ("door", "edge", "gateway", "keys", "recorder")]
        if names:
            on_host(host, f"docker rm -f {' '.join(names)}")


def recorder(host: str) -> dict[str, float]:
    """Return what a host's recorder says of itself."""
    found: dict[str, float] = lab("status", "--json").data()["hosts"][host]["recorder"]
    return found


def check(sent: list[Sent], injected: Counts, times: int) -> None:
    """Assert that every request was answered, and is in the store once, with the time at which it was sent."""
    failed, rows = failures(sent), stored(sent, RECOVERY)
    missing = [one for one in sent if one.id not in rows]
    injected(times=times, failed_requests=len(failed), lost_records=len(missing))
    assert failed == []
    assert not missing, f"{len(missing)} of {len(sent)} are not recorded, the first was sent at {missing[0].at}"
    assert [one.id for one in sent if rows[one.id][0] != 1] == []
    assert max(abs(rows[one.id][1] - one.at) for one in sent) < 5


@pytest.mark.fault("F21")
def test_deploys_under_load_fail_no_request_and_lose_no_record(injected: Counts):
    wanted = [f"images.{name}=registry.lab:5000/{name}:next" for name in ("jawn", "web", "envoy")] + [VLLM]
    # One after the other; in the short form the two parts of Helicone that clients do not meet come together.
    first = 1 if OUTAGE >= 30 else 2
    deploys = [wanted[:count] for count in range(first, len(wanted) + 1)]
    steps = [("deploy", "--yes", *(word for one in settings for word in ("--set", one))) for settings in deploys]
    release = lab("status", "--json").data()["hosts"]["app1"]["release"]
    steps.append(("rollback", "--yes", "--to", release.partition("-")[0]))
    with load(UNDER_DEPLOYS) as sent:
        for verb, *words in steps:
            result = lab(verb, *words)
            assert result.code == 0, result.text
    assert sum(one.streamed for one in sent) > len(sent) / 10
    check(sent, injected, len(steps))


@pytest.mark.usefixtures("as_found")
def test_a_provider_is_added_by_a_reload_that_restarts_nothing():
    before = _identities()
    result = lab("deploy", "--yes", "--set", VLLM)
    assert result.code == 0, result.text
    assert _identities() == before
    plan = lab("plan", "--json")
    assert [change["action"] for change in plan.data()["hosts"]["app1"]["services"]] == ["reload"]


def _identities() -> dict[str, str]:
    return {host: on_host(host, "docker ps -q --no-trunc | sort") for host in HOSTS}


@pytest.mark.fault("F21")
def test_helicone_may_break_under_load_and_every_request_is_recorded_afterwards(injected: Counts):
    def container(host: str, verb: str, name: str) -> None:
        """Stop or start one container of a host."""
        on_host(host, f"docker {verb} {'-t 2 ' if verb == 'stop' else ''}helicone-lab-{name}-1")

    def data_host(verb: str) -> None:
        """Stop or start every container of the data host: stores and network at once."""
        on_host(
            "data1",
            f"docker {verb} {'-t 2 ' if verb == 'stop' else ''}"
            "$(docker ps -aq --filter label=com.docker.compose.project=helicone-lab)",
        )

    outages: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "jawn": (lambda: [kill(host, "jawn") for host in HOSTS], lambda: None),
        **{
            name: (
                lambda name=name: container("data1", "stop", name),
                lambda name=name: container("data1", "start", name),
            )
            for name in ("db", "clickhouse", "object-store")
        },
        "data host": (lambda: data_host("stop"), lambda: data_host("start")),
    }
    with load() as sent:
        for down, up in outages.values():
            down()
            time.sleep(OUTAGE)
            up()
            time.sleep(OUTAGE / 2)
    check(sent, injected, len(outages))


@pytest.mark.fault("F21")
def test_a_recorder_killed_or_standing_still_fails_no_request_and_loses_no_record(injected: Counts):
    lost = {host: recorder(host)["gaps_total"] + recorder(host)["dropped_total"] for host in HOSTS}
    with load() as sent:
        kill("app1", "recorder")
        on_host("app2", f"docker pause {RECORDER}")
        time.sleep(OUTAGE)
        on_host("app2", f"docker unpause {RECORDER}")
    check(sent, injected, len(HOSTS))
    assert {host: recorder(host)["gaps_total"] + recorder(host)["dropped_total"] for host in HOSTS} == lost


def test_a_killed_proxy_cuts_only_what_was_under_way_and_is_back_within_two_seconds():
    with load() as sent:
        ordered = time.time()
        kill("app1", "gateway")  # the way to it may take longer than it takes the proxy to come back
        killed = time.time()
        time.sleep(6)
    failed = failures(sent)
    late = [one for one in failed if one.at > killed + 2]
    early = [one for one in failed if one.at < ordered and not one.streamed]
    assert late == []
    assert len(early) <= 2
    assert {one.url for one in failed} <= {gateway("app1")}
    assert all("502" not in one.problem for one in failed)


def test_the_edge_comes_back_by_itself_when_the_owner_of_its_network_is_killed():
    before = containers("app1")
    kill("app1", "door")
    started = time.monotonic()
    while not _anew(before) or not _answers():
        assert time.monotonic() - started < 90, "the gateway did not come back"
        time.sleep(0.5)


def _anew(before: dict[str, tuple[str, str]]) -> bool:
    """Tell whether the owner of the network was started again, and the gateway in it."""
    now = containers("app1")
    return all(now[service][1] != before[service][1] for service in ("door", "gateway"))


def _answers() -> bool:
    try:
        return http("GET", gateway("app1").removesuffix("/v1") + "/healthz")[0] == 200
    except OSError:
        return False
