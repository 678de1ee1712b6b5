"""Two environments on one host: each runs for itself, and only one of them is changed at a time."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator

import pytest
import yaml

from tests.lab.changing import INVENTORY
from tests.lab.command import Result, containers, invoke, lab, on_host

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("as_found_in_the_end")]
SECOND = INVENTORY.with_name("second")
PORTS = {"gateway": 9787, "ui": 9300}
OURS = "--filter label=com.docker.compose.project=helicone-second"
ROUNDS = 3


def second(verb: str, *words: str) -> Result:
    """Type a command for the environment second."""
    return invoke(verb, "--env", "second", *words)


def describe() -> None:
    """Write the environment: all three roles on app1, with what the lab has and ports of its own."""
    (SECOND / "group_vars").mkdir(parents=True)
    for name in ("known_hosts", "images.lock.yml", "secrets.yml.age"):
        shutil.copy(INVENTORY / name, SECOND / name)
    hosts = yaml.safe_load((INVENTORY / "hosts.yml").read_text())["all"]["hosts"]
    groups = {role: {"hosts": {"app1": None}} for role in ("edge", "app", "data")}
    (SECOND / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": hosts["app1"]}, "children": groups}}))
    settings = yaml.safe_load((INVENTORY / "group_vars" / "all.yml").read_text())
    settings |= {"ports": PORTS, "backup": {"enabled": False}}
    (SECOND / "group_vars" / "all.yml").write_text(yaml.safe_dump(settings))


def remove() -> None:
    """Take the environment off the host and out of the inventory."""
    on_host("app1", f"docker ps -aq {OURS} | xargs -r docker rm --force --volumes")
    on_host("app1", f"docker network ls -q {OURS} | xargs -r docker network rm")
    on_host("app1", f"docker volume ls -q {OURS} | xargs -r docker volume rm")
    on_host("app1", "rm -rf /opt/helicone/second /etc/init.d/helicone-second* /etc/rc?.d/*helicone-second*")
    on_host("app1", "nft delete table inet helicone-second", check=False)
    on_host("app1", "docker image ls -q registry.lab:5000/clickhouse | xargs -r docker image rm --force")
    shutil.rmtree(SECOND, ignore_errors=True)


@pytest.fixture(scope="module")
def beside() -> Iterator[None]:
    """Deploy a second environment to app1, beside the lab's."""
    shutil.rmtree(SECOND, ignore_errors=True)
    try:
        describe()
        result = second("deploy", "--yes")
        assert result.code == 0, result.text
        yield
    finally:
        remove()


def test_each_runs_for_itself(beside):
    for verb in ("verify", "drift"):
        assert lab(verb).code == 0
        assert second(verb).code == 0
    running = containers("app1")
    result = second("deploy", "--yes", "--set", "jawn.environment.LAB_MARK=second")
    assert result.code == 0, result.text
    assert containers("app1") == running, "the lab's own were touched"


@pytest.mark.fault("F5")
def test_of_two_deploys_to_one_host_exactly_one_wins_and_the_other_says_which_does(beside, injected):
    for number in range(ROUNDS):
        results: dict[str, Result] = {}
        barrier = threading.Barrier(2)

        def start(environment: str, mark: str, barrier: threading.Barrier, results: dict[str, Result]) -> None:
            """Start together with the other one."""
            barrier.wait()
            words = ("--yes", "--set", f"jawn.environment.LAB_MARK={mark}")
            results[environment] = invoke("deploy", "--env", environment, *words)

        threads = [
            threading.Thread(target=start, args=(name, f"both-{number}", barrier, results))
            for name in ("lab", "second")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        codes = {result.code: name for name, result in results.items()}
        assert codes.keys() == {0, 4}, {name: result.text for name, result in results.items()}
        winner, loser = codes[0], codes[4]
        assert f"is running `deploy` for {winner} on this host since" in results[loser].text
        assert "wait until it is done" in results[loser].text
    injected(times=ROUNDS)
