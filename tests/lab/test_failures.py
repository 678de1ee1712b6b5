"""What must hold when something breaks in the middle."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest

from tests.lab.changing import all_free, deploy_until, host_variables
from tests.lab.command import Result, all_containers, complaints, lab, on_host

pytestmark = pytest.mark.usefixtures("as_found_in_the_end")


@pytest.fixture
def broken_on_app2():
    """Let the inventory name a jawn for app2 that exits a second after its start."""
    with host_variables("app2", "images:\n  jawn: registry.lab:5000/jawn:broken\n"):
        yield


@pytest.fixture
def unhealthy_on_app2():
    """Let the inventory name a jawn for app2 that runs and never answers."""
    with host_variables("app2", "images:\n  jawn: registry.lab:5000/jawn:unhealthy\n"):
        yield


def releases() -> dict[str, str]:
    """Return the release that each host runs."""
    hosts = lab("status", "--json").data()["hosts"]
    return {name: host["release"] for name, host in hosts.items()}


@pytest.mark.fault("F8", "F9")
def test_a_broken_image_on_one_host_sends_both_back_and_the_report_says_so(broken_on_app2, tmp_path):
    before = releases()
    result = lab("deploy", "--yes", "--report", str(tmp_path / "failed.html"))
    assert result.code == 5, result.text
    page = (tmp_path / "failed.html").read_text()
    for words in ("The deploy failed and was undone.", "start jawn", "Last lines of", '<rect class="bar failed"'):
        assert words in page
    assert "Verify the old release" in page
    assert "app2" in result.out
    assert "start jawn" in result.out
    assert "old release" in result.out
    assert "STAND-IN" in result.err or "|" in result.err  # the container's last lines
    assert releases() == before
    assert lab("verify").code == 0
    failed = [entry for entry in lab("history", "--json").data()["history"] if entry["outcome"] == "failed"]
    assert failed


@pytest.mark.fault("F8")
@pytest.mark.long
@pytest.mark.usefixtures("unhealthy_on_app2")
def test_a_service_that_runs_and_never_gets_healthy_is_waited_for_and_undone():
    before = releases()
    result = lab("deploy", "--yes", "--set", "deploy.health_timeout=25")
    assert result.code == 5, result.text
    assert "connecting to the database" in result.err  # the container's last lines
    assert releases() == before
    assert complaints() == []
    last = lab("history", "--json").data()["history"][-1]
    assert last["outcome"] == "failed"
    assert "jawn is not healthy after 25 s" in last["cause"]


@pytest.mark.long
def test_after_a_failure_a_good_deploy_works_and_rollback_never_takes_the_broken_one():
    result = lab("deploy", "--yes", "--set", "jawn.environment.LAB_MARK=two")
    assert result.code == 0, result.text
    failed = {entry["release"] for entry in lab("history", "--json").data()["history"] if entry["outcome"] == "failed"}
    result = lab("rollback", "--yes")
    assert result.code == 0, result.text
    assert not failed & set(releases().values())
    number = next(iter(failed)).partition("-")[0]
    refused = lab("rollback", "--to", number, "--yes")
    assert refused.code == 2
    assert "failed" in refused.err or "not on every host" in refused.err


@pytest.mark.fault("F5")
def test_of_two_deploys_started_together_one_wins_and_the_other_says_who():
    results: list[Result] = []

    def deploy(mark: str) -> None:
        results.append(lab("deploy", "--yes", "--set", f"jawn.environment.LAB_MARK={mark}"))

    threads = [threading.Thread(target=deploy, args=(mark,)) for mark in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won, lost = sorted(results, key=lambda result: result.code)
    assert won.code == 0, won.text
    assert lost.code == 4, lost.text
    assert "root@" in lost.err
    assert "since" in lost.err
    assert lab("verify").code == 0


@pytest.mark.fault("F3")
@pytest.mark.parametrize("moment", [
    "switch to", "is healthy",
    *(pytest.param(one, marks=pytest.mark.long) for one in ("upload release", "watch for", "verify the new release")),
])  # fmt: skip
def test_a_killed_controller_leaves_the_hosts_whole_and_the_next_deploy_needs_no_hand(moment):
    deploy_until((moment,), "--set", f"jawn.environment.LAB_MARK=killed-{time.monotonic_ns()}")
    for name, host in all_free().items():
        assert host["release"], name
        assert not host["state"].startswith(("interrupted", "drifted")), (name, host["state"])
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text


@pytest.mark.fault("F13")
def test_verify_names_a_stopped_container_an_open_port_and_an_edited_file(as_found):
    on_host("app1", "docker stop -t 1 $(docker ps -q --filter label=com.docker.compose.service=web)")
    on_host("data1", "nohup python3 -m http.server --bind 172.30.87.13 5432 >/dev/null 2>&1 & echo")
    on_host("app2", "sed -i 's/^BUCKET_HQL=.*/BUCKET_HQL=\"else\"/' /opt/helicone/lab/current/.env")
    listens = "import socket; socket.create_connection(('172.30.87.13', 5432), 1)"
    try:
        on_host("data1", f'for i in $(seq 100); do python3 -c "{listens}" 2>/dev/null && break; sleep 0.3; done')
        result = lab("verify")
    finally:
        on_host("data1", "pkill -f '[h]ttp.server --bind 172.30.87.13 5432'")
    assert result.code == 7, result.text
    for words in (("app1", "web"), ("data1", "5432"), ("app2", ".env")):
        assert any(all(word in line for word in words) for line in result.out.splitlines()), (words, result.out)


@pytest.mark.fault("F12")
def test_a_restarted_host_comes_back_on_the_same_release():
    before = releases()
    # app1 has the release then, and its turn to switch has not come.
    deploy_until(("data1", "switch to"), "--set", f"jawn.environment.LAB_MARK=staged-{time.monotonic_ns()}")
    subprocess.run(["docker", "restart", "-t", "30", "helicone-lab-app1"], check=True, capture_output=True)
    deadline = time.monotonic() + 120
    while found := complaints():
        assert time.monotonic() < deadline, found
        time.sleep(3)
    assert releases()["app1"] == before["app1"]  # data1 may have been told to switch before the controller died
    assert all_containers()["app1"].keys() == {
        "door", "edge", "egress", "gateway", "jawn", "keys", "recorder", "web"
    }  # fmt: skip
