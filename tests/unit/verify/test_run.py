"""A whole verification of made-up hosts: which checks there are, what they are called, what they say."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest

from gateway.inventory import Inventory, load_inventory
from gateway.vault import Vault
from gateway.verify import VerifyReport, verify_hosts
from tests.unit.verify.made_up import SECRET, FakeConversation, container, sight, snapshot

EVERYWHERE = "0.0.0.0"  # noqa: S104 - compared with
Make = Callable[[str], FakeConversation]
# What the made-up host cannot have: services behind the checks of the role app.
UNANSWERED = "egress's network cannot be seen"


@pytest.fixture
def verified(inventory: Inventory, vault: Vault, released: Make) -> Callable[..., VerifyReport]:
    """Return a verification of app1 after some changes to it; its unanswered questions are left out."""

    def verify(
        changed: Mapping[str, Any] | None = None,
        junit: Path | None = None,
        deploying: float | None = None,
        **seen: Any,
    ) -> VerifyReport:
        conversation = released("app1")
        if changed is not None:
            seen["containers"] = [container(**changed)]
        conversation.sight = {**conversation.sight, **seen}
        hosts: Any = {"app1": conversation}
        return verify_hosts(inventory, vault, hosts, ["app1"], junit, deploying=deploying)

    return verify


def messages(report: VerifyReport) -> list[str]:
    return [failure.message for failure in report.causes() if UNANSWERED not in failure.message]


def test_a_host_that_is_as_released_passes(verified: Callable[..., VerifyReport]) -> None:
    report = verified()
    assert messages(report) == []
    assert report.total == report.hosts["app1"] > 60
    assert report.passed == report.total - len(report.failures)


def test_it_can_be_run_again_and_prints_nothing(
    verified: Callable[..., VerifyReport], capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = verified(), verified()
    assert (first.total, messages(second)) == (second.total, [])
    assert capfd.readouterr() == ("", "")


def test_the_shells_pytest_settings_do_not_matter(
    verified: Callable[..., VerifyReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    assert messages(verified()) == []
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"


def test_few_messages_go_to_a_host(inventory: Inventory, vault: Vault, released: Make) -> None:
    conversation = released("app1")
    verify_hosts(inventory, vault, {"app1": conversation}, ["app1"])  # type: ignore[dict-item]
    assert conversation.verbs == ["snapshot", "run_all", "run"]


def test_a_host_gets_the_checks_of_its_own_release(inventory: Inventory, vault: Vault, released: Make) -> None:
    conversations = {name: released(name) for name in ("app1", "data1")}
    conversations["data1"].snapshot["manifest"]["host"] = "data1"
    report = verify_hosts(inventory, vault, conversations, ["app1", "data1"])  # type: ignore[arg-type]
    assert list(report.hosts) == ["app1", "data1"]
    assert not [failure for failure in report.failures if failure.host == "data1" and "PostgreSQL" in failure.check]


def test_a_host_without_a_release_fails_once(inventory: Inventory, vault: Vault) -> None:
    conversation = FakeConversation(snapshot(None, None), sight())
    report = verify_hosts(inventory, vault, {"app1": conversation}, ["app1"])  # type: ignore[dict-item]
    assert messages(report) == ["app1: there is no release of environment test on this host"]


def test_what_differs_in_a_running_container_is_named(verified: Callable[..., VerifyReport]) -> None:
    found = verified({
        "health": "unhealthy", "image": "caddy:latest", "hash": "0" * 64, "restart": "no", "memory": 0, "cpus": 0,
        "logging": {"driver": "json-file"}, "security": [], "privileged": True, "network_mode": "host",
        "restarts": 3, "started": "2999-01-01T00:00:00Z", "environment": {"PLAIN": "0", "PASSWORD": "0"}, "mounts": [],
        "defaults": ["PASSWORD"], "ports": [{"address": EVERYWHERE, "port": 5432, "inside": "5432/tcp"}],
    })  # fmt: skip
    beginnings = [
        "something listens on 0.0.0.0:5432 that the release does not publish (container helicone-test-egress-1)",
        "container egress is unhealthy, expected healthy",
        "container egress runs caddy:latest, the release says caddy:2@sha256:" + "a" * 64,
        "container egress was not made from release 3-abc",
        "container egress has restart policy no, expected unless-stopped",
        "container egress may use 0 bytes of memory, the release says 67108864",
        "container egress may use 0 processors, the release says 0.5",
        "container egress logs as driver=json-file, expected driver=json-file, max-file=2, max-size=1m",
        "container egress lacks no-new-privileges",
        "container egress is privileged",
        "container egress uses the host's network",
        "Docker restarted container egress 3 times",
        "container egress publishes 0.0.0.0:5432, the release says nothing",
        "PASSWORD of container egress is a publicly known default value",
        "PASSWORD in container egress is not what release 3-abc says",
        "container egress has no variable COSTS",
        "PLAIN in container egress is not what release 3-abc says",
        "container egress has nothing at /data, expected volume helicone-test-state",
        "container egress reads another /etc/caddy/Caddyfile than the release's egress/Caddyfile",
    ]
    for message, beginning in zip(messages(found), beginnings, strict=True):
        assert message.startswith(f"app1: {beginning}")


def test_a_stopped_container_is_named(verified: Callable[..., VerifyReport]) -> None:
    found = messages(verified({"state": "exited", "exit_code": 137}))
    assert found[0] == "app1: container egress is exited (exit code 137), expected running"


@pytest.mark.parametrize(
    ("seconds", "deploying", "counts"),
    [(100, None, True), (400, None, False), (100, 30.0, False), (100, 200.0, True), (400, 500.0, False)],
)
def test_a_restart_counts_while_it_is_fresh_and_against_a_deploy_only_if_it_came_after_its_begin(
    verified: Callable[..., VerifyReport], seconds: int, deploying: float | None, counts: bool
) -> None:
    started = datetime.fromtimestamp(time.time() - seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = messages(verified({"restarts": 1, "started": started}, deploying=deploying))
    assert [message.startswith("app1: Docker restarted container egress 1 times") for message in found] == [
        True
    ] * counts


def test_a_listener_beside_the_release_is_named(verified: Callable[..., VerifyReport]) -> None:
    report = verified(listeners=[{"address": EVERYWHERE, "port": 8123, "process": "socat"}])
    assert messages(report) == [
        "app1: something listens on 0.0.0.0:8123 that the release does not publish (process socat)"
    ]


def test_another_environment_on_the_host_is_none_of_our_business(verified: Callable[..., VerifyReport]) -> None:
    port = {"address": "10.0.0.9", "port": 5432, "inside": 5432}
    other = {"name": "helicone-prod-db-1", "environment": "helicone-prod", "networks": ["x"], "published": [port]}
    listener = {"address": "10.0.0.9", "port": 5432, "process": "docker-proxy"}
    assert messages(verified(others=[other], listeners=[listener])) == []
    stray = {**other, "name": "stray", "environment": "", "networks": ["helicone-test_default"]}
    assert messages(verified(others=[stray])) == [
        "app1: something listens on 10.0.0.9:5432 that the release does not publish (container stray)",
        "app1: container stray is in the project's network, but not part of it",
    ]


def test_a_missing_container_and_a_silent_engine_are_said(verified: Callable[..., VerifyReport]) -> None:
    assert "app1: there is no container of egress" in messages(verified(containers=[]))
    silent = verified(problem="Docker Engine does not answer: no socket", containers=[], answers=[])
    assert "app1: Docker Engine does not answer: no socket" in messages(silent)


def test_a_file_changed_by_hand_is_named(verified: Callable[..., VerifyReport], tmp_path: Path) -> None:
    verified()  # writes the release
    folder = tmp_path / "host" / "test" / "current"
    (folder / ".env").write_text("PASSWORD=other\n")
    (folder / ".env").chmod(0o644)
    (folder / "egress" / "Caddyfile").unlink()
    assert messages(verified()) == [
        "app1: .env was changed by hand (sha256 differs from release 3-abc)",
        "app1: egress/Caddyfile is missing from release 3-abc",
        "app1: .env has mode 644, the release says 600",
        "app1: .env has mode 644, expected 600: it holds the secrets",
    ]


def test_an_open_port_is_named(verified: Callable[..., VerifyReport], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.verify.outside.is_open", lambda _address, port: port == 8123)
    assert messages(verified()) == ["app1: 192.0.2.1:8123 accepts connections from outside, expected closed"]


def test_on_this_machine_other_programs_may_use_the_number_of_a_port(
    inventory: Inventory, vault: Vault, released: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inventory.path / "host_vars").mkdir()
    (inventory.path / "host_vars" / "app1.yml").write_text("connection: {transport: local}\n")
    here = load_inventory(inventory.path.parents[1], "test")
    monkeypatch.setattr("gateway.verify.outside.is_open", lambda _address, port: port == 5432)

    def verify(**seen: Any) -> list[str]:
        conversation = released("app1")
        conversation.sight = {**conversation.sight, **seen}
        return messages(verify_hosts(here, vault, {"app1": conversation}, ["app1"]))  # type: ignore[dict-item]

    assert verify(listeners=[{"address": EVERYWHERE, "port": 5432, "process": "postgres"}]) == []
    assert verify(listeners=[{"address": EVERYWHERE, "port": 5432, "process": "docker-proxy"}]) == [
        "app1: something listens on 0.0.0.0:5432 that the release does not publish (process docker-proxy)",
        "app1: 127.0.0.1:5432 accepts connections from outside, expected closed",
    ]


def test_the_junit_file_has_titles_and_sentences(verified: Callable[..., VerifyReport], tmp_path: Path) -> None:
    report = verified({"state": "exited"}, junit=tmp_path / "junit.xml")
    cases = minidom.parse(str(tmp_path / "junit.xml")).getElementsByTagName("testcase")  # noqa: S318 - our own file
    assert len(cases) == report.total
    (case,) = [one for one in cases if one.getAttribute("name") == "container egress is running"]
    assert case.getAttribute("classname") == "app1"
    (failure,) = case.getElementsByTagName("failure")
    assert failure.getAttribute("message") == "app1: container egress is exited (exit code 0), expected running"


def test_no_secret_shows_anywhere(verified: Callable[..., VerifyReport], tmp_path: Path) -> None:
    report = verified({"image": f"it says {SECRET}"}, junit=tmp_path / "junit.xml")
    assert any("it says [redacted]" in message for message in messages(report))
    assert SECRET not in json.dumps(report.to_dict()) + (tmp_path / "junit.xml").read_text() + repr(report)


def test_files_of_checks_that_cannot_be_read_are_a_failure(
    inventory: Inventory, vault: Vault, released: Make, tmp_path: Path
) -> None:
    checks = tmp_path / "roles" / "app" / "verify"
    checks.mkdir(parents=True)
    (checks / "test_undecorated.py").write_text("def test_it(target):\n    pass\n")
    report = verify_hosts(
        inventory,
        vault,
        {"app1": released("app1")},
        ["app1"],
        roles=tmp_path / "roles",  # type: ignore[dict-item]
    )
    assert not report.ok
    assert "test_it is a test without @check" in report.failures[0].message


def test_the_report_is_the_same_with_and_without_a_junit_file(
    verified: Callable[..., VerifyReport], tmp_path: Path
) -> None:
    """Without one, checks are called directly; with one, pytest runs each as a test."""
    changed = {"state": "exited", "image": "caddy:latest"}
    direct, as_tests = verified(changed), verified(changed, junit=tmp_path / "junit.xml")
    assert (direct.total, direct.hosts, direct.failures) == (as_tests.total, as_tests.hosts, as_tests.failures)


ODD_CHECKS = """
import pytest
from gateway.verify.checks import check

@check("it has a folder of its own")
def test_fixture(target, tmp_path):
    assert tmp_path.is_dir(), f"{target.name}: none"

@check("it is marked")
@pytest.mark.skipif(True, reason="not here")
def test_mark(target):
    raise ValueError("it was called all the same")

@check("it skips itself")
def test_skip(target):
    pytest.skip("nothing to look at")

@check("it asks testinfra")
def test_host(host, target):
    assert host.file("/").is_directory, f"{target.name}: / is none"

@check("it breaks")
def test_broken(target):
    raise ValueError("a defect")
"""


def test_checks_with_fixtures_or_marks_of_their_own_are_pytests_to_run(
    inventory: Inventory, vault: Vault, released: Make, tmp_path: Path
) -> None:
    checks = tmp_path / "roles" / "app" / "verify"
    checks.mkdir(parents=True)
    (checks / "test_odd.py").write_text(ODD_CHECKS)
    hosts: Any = {"app1": released("app1")}
    report = verify_hosts(inventory, vault, hosts, ["app1"], roles=tmp_path / "roles")
    assert messages(report) == ["app1: it breaks: the check broke: ValueError: a defect"]
    assert report.total == 4  # the marked one was not made
