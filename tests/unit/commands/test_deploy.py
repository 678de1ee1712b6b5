"""The steps of a deploy around the rollout itself."""

from __future__ import annotations

import contextlib
import copy
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from gateway.commands import deploy as module
from gateway.commands.deploy import deploy, prune, refuse_half_restored, refuse_moved
from gateway.commands.settle import forget_logins
from gateway.console import Reporter
from gateway.errors import ConfigurationError, UnreachableError
from gateway.plan.build import Plan
from gateway.plan.operations import Run
from gateway.rotation import rotated
from gateway.secret import Secret
from gateway.vault import Vault
from tests.unit.situations import bare, load, release, running, service


def change(seen, part):
    if part == "current":
        seen["current"] = "9-x"
    elif part == "contents":
        seen["contents"][".env"] += "A=1\n"
    else:
        seen["containers"][0][part] = "other"


@pytest.mark.parametrize(("part", "moved"), [("current", 1), ("contents", 1), ("id", 1), ("hash", 1), ("health", 0)])
def test_a_plan_is_not_applied_to_a_host_that_moved(part, moved):
    before = {"app1": running(release())}
    after = copy.deepcopy(before)
    refuse_moved(before, after)
    change(after["app1"], part)
    if moved:
        with pytest.raises(ConfigurationError, match="the host changed since the plan was made"):
            refuse_moved(before, after)
    else:
        refuse_moved(before, after)


class Talk:
    """A host that notes what it is asked, and fails if told so."""

    def __init__(self, error=None):
        self.error = error
        self.asked = []

    def request(self, verb, *_, **arguments):
        self.asked.append((verb, arguments))
        if self.error:
            raise self.error


def test_old_releases_that_cannot_be_removed_do_not_fail_a_good_deploy(tmp_path, capsys):
    talks = {"app1": Talk(UnreachableError("the connection was lost")), "app2": Talk()}
    run = Run(load(tmp_path), None, talks, Reporter())
    cut_off = {"step": "switching", "release": "4-d", "previous": "3-c"}
    prune(run, {name: {**bare(), "current": "4-d", "interrupted": cut_off} for name in talks})
    [(verb, arguments)] = talks["app2"].asked
    assert verb == "prune"
    assert arguments["protected"] == ["4-d", "3-c"]
    assert arguments["keep"] >= 2
    assert "old releases could not be removed" in capsys.readouterr().err


def test_a_version_that_must_not_follow_the_running_one_is_refused_before_anything_is_planned(tmp_path, monkeypatch):
    def dated(date, **migrations):
        made = release()
        files = {store: {"files": names} for store, names in migrations.items()}
        return type(made)(
            {**made.manifest, "code": {"commit": "c", "date": date}, "migrations": files or None}, made.files
        )

    class Project:
        inventory = load(tmp_path)
        releases = dict.fromkeys(inventory.selected, dated("2026-07-21T00:00:00Z"))

    seen = {}
    monkeypatch.setattr(module, "connected", lambda *_: contextlib.nullcontext({}))
    monkeypatch.setattr(module, "observe", lambda *_: seen)
    seen |= dict.fromkeys(Project.inventory.selected, running(dated("2025-08-11T00:00:00Z")))
    with pytest.raises(ConfigurationError, match="the hard stop legacy-tables lies between"):
        module.plan(Project, as_json=True)
    new = dated("2026-07-21T00:00:00Z", postgres=["1_a.sql", "2_b.sql"], clickhouse=[])
    seen |= dict.fromkeys(Project.inventory.selected, running(new))
    Project.releases = dict.fromkeys(
        Project.inventory.selected, dated("2026-07-21T00:00:00Z", postgres=["1_a.sql"], clickhouse=[])
    )
    with pytest.raises(ConfigurationError, match=r"migrated beyond this release, by 2_b\.sql"):
        module.plan(Project, as_json=True)


def test_an_edge_is_not_taken_off_a_host_while_records_wait_there(tmp_path, monkeypatch):
    class Project:
        inventory = load(tmp_path)
        reporter = Reporter(quiet=True)
        vault = Vault({"fingerprint_key": Secret("ab" * 32)})
        releases = dict.fromkeys(inventory.selected, release())

    def look(waiting):
        edge = {"authority": "", "keys_age": None, "recorder": {"waiting": waiting, "age": 0.1}}
        with_recorder = release(service("jawn"), service("recorder", "edge"))
        return {name: running(with_recorder if name == "app1" else release(), edge=edge) for name in observed}

    observed = dict.fromkeys(Project.inventory.selected)
    looks = [look(3), look(0), look(4)]
    monkeypatch.setattr(module, "connected", lambda *_: contextlib.nullcontext(dict.fromkeys(observed, Talk())))
    monkeypatch.setattr(module, "observe", lambda *_: looks.pop(0))
    monkeypatch.setattr(module, "observe_unlocked", lambda *_: looks.pop(0))
    monkeypatch.setattr(module, "compose_program", lambda: tmp_path)
    monkeypatch.setattr(module, "take_leases", lambda *_: None)
    monkeypatch.setattr(module, "roll_out", lambda *_: pytest.fail("it is switched"))
    with pytest.raises(ConfigurationError, match="3 records wait for Helicone") as caught:
        module.plan(Project, as_json=True)
    assert caught.value.where == "app1"
    with pytest.raises(ConfigurationError, match="4 records wait for Helicone"):  # under the lease
        deploy(Project, lambda: True, as_json=True)
    assert looks == []


class Environment:
    """An environment whose secrets were being replaced when the command was cut off."""

    reporter = Reporter(quiet=True)
    releases: ClassVar = {}
    vault = rotated(
        Vault({"fingerprint_key": Secret("ab" * 32), "admin_password": Secret("old")}),
        {"admin_password": Secret("new")}, datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip

    def __init__(self, inventory):
        self.inventory = inventory


@pytest.mark.parametrize(
    ("limit", "touching", "outcome", "done"),
    [
        (None, (), "deployed", ["settle"]),
        (None, ("switch",), "deployed", ["roll out", "settle"]),
        ("app1", (), "no changes", []),
        ("app1", ("switch",), "deployed", ["roll out"]),
    ],
)
def test_a_deploy_of_all_hosts_finishes_a_rotation_that_was_cut_off(
    tmp_path, monkeypatch, limit, touching, outcome, done
):
    inventory = load(tmp_path, limit=limit)
    steps = []

    @contextmanager
    def connected(*_):
        yield dict.fromkeys(inventory.selected, Talk())

    monkeypatch.setattr(module, "connected", connected)
    for name in ("observe", "observe_unlocked", "check_all", "take_leases", "refuse_moved"):
        monkeypatch.setattr(module, name, lambda *_: {})
    monkeypatch.setattr(module, "make_plan", lambda *_: Plan("1-a", {}, (), touching))
    monkeypatch.setattr(module, "plan_as_dict", lambda _: {})
    monkeypatch.setattr(module, "roll_out", lambda *_: steps.append("roll out"))
    monkeypatch.setattr(module, "settle", lambda *_: steps.append("settle"))
    assert deploy(Environment(inventory), lambda: True, as_json=True)["outcome"] == outcome
    assert steps == done


def test_what_another_environment_took_before_the_lease_is_seen_before_anything_is_changed(tmp_path, monkeypatch):
    inventory, looks = load(tmp_path), []

    @contextmanager
    def connected(*_):
        yield dict.fromkeys(inventory.selected, Talk())

    def check_all(hosts, releases, observed):
        looks.append(observed)
        if observed == "under the lease":
            raise ConfigurationError("port 8787 is taken")

    monkeypatch.setattr(module, "connected", connected)
    monkeypatch.setattr(module, "observe_unlocked", lambda *_: {})
    monkeypatch.setattr(module, "observe", lambda *_: "under the lease")
    monkeypatch.setattr(module, "check_all", check_all)
    for name in ("take_leases", "refuse_moved"):
        monkeypatch.setattr(module, name, lambda *_: None)
    monkeypatch.setattr(module, "make_plan", lambda *_: Plan("1-a", {}, (), ("switch",)))
    monkeypatch.setattr(module, "plan_as_dict", lambda _: {})
    monkeypatch.setattr(module, "roll_out", lambda *_: pytest.fail("it is changed"))
    with pytest.raises(ConfigurationError, match="port 8787 is taken"):
        deploy(Environment(inventory), lambda: True, as_json=True)
    assert looks == [{}, "under the lease"]


def test_logins_are_forgotten_by_commands_for_all_hosts_only(tmp_path, capsys):
    talks = {name: Talk() for name in ("app1", "app2", "data1")}
    inventory = load(tmp_path)
    forget_logins(Run(inventory, None, talks, Reporter()))
    assert [verb for verb, _ in talks["data1"].asked] == ["forget_logins"]
    assert talks["app1"].asked == []
    alone = {"data1": Talk(UnreachableError("lost"))}
    forget_logins(Run(inventory, None, alone, Reporter()))
    assert alone["data1"].asked == []
    talks["data1"].error = UnreachableError("the connection was lost")
    forget_logins(Run(inventory, None, talks, Reporter()))
    assert "earlier logins to the stores could not be removed" in capsys.readouterr().err


def half_restored(**backups):
    return {**bare(), "backups": {**bare()["backups"], **backups}}


STILL = {"reason": "ann@desk's restore of set 3f2a", "since": "2026-11-30 10:00:00 UTC"}


def test_a_half_restored_host_is_not_deployed_to(tmp_path):
    inventory = load(tmp_path)
    refuse_half_restored({"data1": half_restored()}, inventory)
    with pytest.raises(ConfigurationError, match="restore was cut off") as caught:
        refuse_half_restored({"app1": bare(), "data1": half_restored(restore_cut_off=True)}, inventory)
    assert caught.value.where == "data1"
    assert "invoke restore --env trial" in caught.value.next_step
    seen = half_restored(restore_cut_off=True)
    without_docker = {**seen, "facts": {**seen["facts"], "engine": None}}
    with pytest.raises(ConfigurationError, match="may have been cut off") as caught:
        refuse_half_restored({"data1": without_docker}, inventory)
    assert "systemctl start docker; then look: invoke status" in caught.value.next_step


def test_hosts_that_stand_still_for_a_restore_are_not_deployed_to_without_a_look_at_the_data_host(tmp_path):
    """They would start jawn on half of a set, and the next restore would lose what it records."""
    inventory = load(tmp_path, limit="app1,app2")
    observed = {"app1": bare(), "app2": half_restored(standing_still=STILL)}
    with pytest.raises(ConfigurationError, match="for ann@desk's restore of set 3f2a since 2026-11-30") as caught:
        refuse_half_restored(observed, inventory)
    assert caught.value.where == "app2"
    assert "invoke deploy --env trial" in caught.value.next_step
    refuse_half_restored({**observed, "data1": half_restored()}, inventory)
    with pytest.raises(ConfigurationError, match="restore was cut off"):
        refuse_half_restored({**observed, "data1": half_restored(restore_cut_off=True)}, inventory)


def schema(*names):
    """Return the release of a host that migrates to these."""
    made = release(service("db", "data"), service("migrations", "migrations", one_shot=True))
    files = {"postgres": {"files": list(names)}, "clickhouse": {"files": []}}
    return type(made)({**made.manifest, "migrations": files}, made.files)


def cut_off_by_the_power(inventory, *applied):
    """Return hosts of which the data host lost its power in the migrations of release 2."""
    note = {"set": "S0", "made": 1.0, "release": "1-a", "missing": {"postgres": ["2_b.sql", "3_c.sql"]},
            "applied": list(applied)}  # fmt: skip
    data = running(
        schema("1_a.sql", "2_b.sql", "3_c.sql"), "2-b", backups={**bare()["backups"], "upgrade": note},
        interrupted={"step": "switching", "release": "2-b", "previous": "1-a"},
    )  # fmt: skip
    return {name: data if name == "data1" else running(release(), "1-a") for name in inventory.selected}


def planned(inventory, seen, *names):
    class Wanted(Environment):
        releases = dict.fromkeys(inventory.selected, release()) | {"data1": schema(*names)}

    return module.make_plan(Wanted(inventory), seen)


@pytest.mark.fault("F16")
@pytest.mark.parametrize("applied", [(), ("2_b.sql",)])
def test_an_upgrade_that_a_power_cut_ended_is_one_again_at_the_next_try(tmp_path, monkeypatch, applied):
    monkeypatch.setattr(module, "compose_program", lambda: tmp_path)
    inventory = load(tmp_path)
    made = planned(inventory, cut_off_by_the_power(inventory, *applied), "1_a.sql", "2_b.sql", "3_c.sql")
    assert (made.hosts["data1"].upgrades, made.hosts["data1"].undo) == (True, "restore")
    assert made.hosts["data1"].migrations == {"postgres": ["2_b.sql", "3_c.sql"]}


@pytest.mark.fault("F16")
def test_after_a_power_cut_in_the_migrations_the_old_version_may_come_only_if_none_was_applied(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "compose_program", lambda: tmp_path)
    inventory = load(tmp_path)
    with pytest.raises(ConfigurationError, match="an upgrade was cut off when 1 of its migrations") as caught:
        planned(inventory, cut_off_by_the_power(inventory, "2_b.sql"), "1_a.sql")
    assert "invoke restore --env trial --from S0" in caught.value.next_step
    assert not planned(inventory, cut_off_by_the_power(inventory), "1_a.sql").hosts["data1"].upgrades


def test_a_restore_that_was_cut_off_before_the_lease_is_seen_under_it(tmp_path, monkeypatch):
    inventory = load(tmp_path)
    monkeypatch.setattr(module, "connected", lambda *_: contextlib.nullcontext(dict.fromkeys(inventory.selected)))
    seen = {**bare(), "backups": {**bare()["backups"], "restore_cut_off": True}}
    monkeypatch.setattr(module, "observe_unlocked", lambda *_: {"data1": bare()})
    monkeypatch.setattr(module, "observe", lambda *_: {"data1": seen})
    for name in ("take_leases", "refuse_moved", "check_all"):
        monkeypatch.setattr(module, name, lambda *_: None)
    monkeypatch.setattr(module, "make_plan", lambda *_: Plan("1-a", {}, (), ("switch",)))
    monkeypatch.setattr(module, "plan_as_dict", lambda _: {})
    monkeypatch.setattr(module, "roll_out", lambda *_: pytest.fail("it is changed"))
    with pytest.raises(ConfigurationError, match="a restore was cut off here"):
        deploy(Environment(inventory), lambda: True, as_json=True)


def test_another_helicone_does_not_come_to_an_app_host_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "compose_program", lambda: tmp_path)
    inventory = load(tmp_path, limit="app1")
    same, made = release(service("jawn", hash="new")), release()

    class Wanted(Environment):
        releases = {"app1": same}  # noqa: RUF012 - a stand-in

    seen = {"app1": running(made)}
    assert [one.action for one in module.make_plan(Wanted(inventory), seen).hosts["app1"].changes] == ["recreate"]
    Wanted.releases = {"app1": type(same)({**same.manifest, "upstream": "d" * 40}, same.files)}
    with pytest.raises(ConfigurationError, match="--limit leaves out the host that runs"):
        module.make_plan(Wanted(inventory), seen)
