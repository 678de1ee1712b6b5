"""From what is desired and what was observed to operations."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.commands.show_plan import plan_as_dict
from gateway.errors import ConfigurationError
from gateway.plan.build import build_deploy, build_rollback
from tests.unit.situations import bare, entry, release, running, service
from tests.unit.situations import load as load_inventory

KEY = b"k" * 32
PROGRAM = Path("/venv/bin/docker-compose")
SERVICES = {
    "app1": [service("egress"), service("jawn"), service("web")],
    "app2": [service("egress"), service("jawn"), service("web")],
    "data1": [service("db", "data"), service("migrations", "migrations", one_shot=True)],
}
RELEASES = {name: release(*services) for name, services in SERVICES.items()}


@pytest.fixture
def inventory(tmp_path):
    return load_inventory(tmp_path)


def observed(**changes):
    return {name: running(made, **changes.get(name, {})) for name, made in RELEASES.items()}


def plan(inventory, seen, releases=RELEASES):
    return build_deploy(inventory, releases, seen, PROGRAM, KEY)


def operations(made):
    return [(entry["phase"], entry["host"], entry["text"]) for entry in plan_as_dict(made)["operations"]]


def switches(made):
    waves = [wave for phase in made.touching if phase.title == "switch" for wave in phase.waves]
    return {one.host: one for wave in waves for one in wave}


def changed(host, *services):
    return {**RELEASES, host: release(*services, files={".env": 'PORT="8586"\nPASSWORD="hunter22"\n'})}


def test_new_migrations_are_in_the_plan_before_they_run(tmp_path):
    def of(*names):
        made = release(service("migrations", "migrations", one_shot=True))
        files = {"postgres": {"files": list(names)}, "clickhouse": {"files": ["schema_0"]}}
        return type(made)({**made.manifest, "migrations": files}, made.files)

    inventory = load_inventory(tmp_path)
    new = dict.fromkeys(inventory.selected, release()) | {"data1": of("1_a.sql", "2_b.sql")}
    old = dict.fromkeys(inventory.selected, running(release())) | {"data1": running(of("1_a.sql"))}
    made = build_deploy(inventory, new, old, PROGRAM, KEY)
    assert made.hosts["data1"].undo == plan_as_dict(made)["hosts"]["data1"]["undo"] == "restore"
    assert made.hosts["app1"].undo == ""
    assert made.hosts["data1"].migrations == {"postgres": ["2_b.sql"]}
    assert [name for name, host in made.hosts.items() if host.upgrades] == ["data1"]
    [switch] = made.touching[0].waves[0]
    assert "run 1 PostgreSQL migrations" in switch.describe()
    first = build_deploy(inventory, new, dict.fromkeys(inventory.selected, bare()), PROGRAM, KEY)
    assert not any(host.upgrades for host in first.hosts.values())
    assert "run 2 PostgreSQL and 1 ClickHouse migrations" in first.touching[0].waves[0][0].describe()


def test_nothing_to_do_is_an_empty_plan(inventory):
    made = plan(inventory, observed())
    assert made.is_empty
    assert made.identifier == "1-aaaaaaaaaaaa"
    assert plan_as_dict(made)["changes"] is False


def test_hosts_on_different_releases_of_the_same_content_are_brought_together(inventory):
    seen = observed()
    seen["app1"] = {**seen["app1"], "current": "2-bbbbbbbbbbbb",
                    "history": [*seen["app1"]["history"], entry("2-bbbbbbbbbbbb", "good")]}  # fmt: skip
    made = plan(inventory, seen)
    assert made.identifier.startswith("3-")
    assert {one.describe() for one in switches(made).values()} == {
        f"switch to {made.identifier}: no service restarts"
    }  # fmt: skip


def test_a_first_deploy(inventory):
    lacking = bare(engine=None, compose=None, missing_images=["db:1@sha256:aa"])
    made = plan(inventory, {"app1": bare(), "app2": bare(compose="2.1"), "data1": lacking})
    assert made.identifier.startswith("1-")
    assert operations(made) == [
        ("prepare", "app2", "install Docker Compose"),
        ("prepare", "data1", "install and start Docker Engine, install Docker Compose"),
        ("stage", "app1", f"upload release {made.identifier}"),
        ("stage", "app2", f"upload release {made.identifier}"),
        ("stage", "data1", f"upload release {made.identifier}"),
        ("pull", "data1", "pull db:1"),
        ("switch", "data1", f"switch to {made.identifier}: create db"),
        ("switch", "app1", f"switch to {made.identifier}: create egress, create jawn, create web"),
        ("switch", "app2", f"switch to {made.identifier}: create egress, create jawn, create web"),
        ("account", "app1", "make sure that the first account and its API key exist"),
    ]


def test_one_changed_service_on_one_host(inventory):
    made = plan(inventory, observed(), changed("app1", service("egress"), service("jawn", hash="new"), service("web")))
    assert [(one.service, one.action) for one in switches(made)["app1"].changes] == [("jawn", "recreate")]
    assert switches(made)["app2"].describe().endswith("no service restarts")
    assert [line for line in made.hosts["app1"].diffs[".env"].splitlines() if line[:2] in ("+P", "-P")] == [
        "-PORT=8585", "+PORT=8586"
    ]  # fmt: skip
    assert "account" not in {phase for phase, _, _ in operations(made)}


FIRST, ACCOUNT = "1-aaaaaaaaaaaa", ("account", "app1", "make sure that the first account and its API key exist")


@pytest.mark.fault("F3")
@pytest.mark.parametrize(
    "histories",
    [
        {"app1": [], "app2": [], "data1": []},
        {"app1": [entry(FIRST, "failed")], "app2": [entry(FIRST, "failed")], "data1": [entry(FIRST, "failed")]},
        {"data1": [entry(FIRST, "good")], "app1": [entry("1-bbbbbbbbbbbb", "good")], "app2": []},
    ],
    ids=["its controller died", "it failed and could not be undone", "one host after the other"],
)
def test_a_first_deploy_that_did_not_come_to_its_end_is_made_up_for_with_the_account(inventory, histories):
    made = plan(inventory, observed(**{name: {"history": history} for name, history in histories.items()}))
    assert {one.describe() for one in switches(made).values()} == {f"switch to {made.identifier}: no service restarts"}
    assert operations(made)[-1] == ACCOUNT


def test_the_account_is_there_once_a_deploy_of_app_and_database_was_good(inventory):
    later = [entry(FIRST, "good"), entry("2-bbbbbbbbbbbb", "failed")]
    made = plan(inventory, observed(app1={"history": later}, app2={"history": []}, data1={"history": later}))
    assert not made.is_empty
    assert ACCOUNT not in operations(made)


def test_where_the_database_is_not_selected_no_account_can_be_made(tmp_path):
    inventory = load_inventory(tmp_path, limit="app1")
    made = plan(inventory, {"app1": bare()}, {"app1": RELEASES["app1"]})
    assert "account" not in {phase for phase, _, _ in operations(made)}


def test_a_host_of_another_architecture_must_bring_its_own_compose(inventory):
    seen = {"app1": bare(architecture="riscv64", compose=None), "app2": bare(), "data1": bare()}
    with pytest.raises(ConfigurationError, match="riscv64") as caught:
        plan(inventory, seen)
    assert caught.value.where == "app1: Docker Compose"
    seen["app1"]["facts"]["compose"] = "5.0.1"
    assert not plan(inventory, seen).is_empty


def test_the_number_is_above_all_that_any_host_knows(inventory):
    seen = observed(
        app1={"containers": []},
        app2={"releases": ["1-aaaaaaaaaaaa", "7-bbbbbbbbbbbb"]},
        data1={"history": [{"release": "11-cccccccccccc", "outcome": "failed"}]},
    )
    assert plan(inventory, seen).identifier.startswith("12-")


@pytest.mark.parametrize(("batch", "waves"), [(1, [["data1"], ["app1"], ["app2"]]), (5, [["data1"], ["app1", "app2"]])])
def test_data_hosts_first_then_batches(tmp_path, batch, waves):
    made = plan(load_inventory(tmp_path, f"deploy.batch={batch}"), dict.fromkeys(RELEASES, bare()))
    [switch] = [phase for phase in made.touching if phase.title == "switch"]
    assert [[one.host for one in wave] for wave in switch.waves] == waves


def test_only_selected_hosts_are_touched(tmp_path):
    inventory = load_inventory(tmp_path, limit="app2")
    made = plan(inventory, {"app2": bare()}, {"app2": RELEASES["app2"]})
    assert {host for _, host, _ in operations(made)} == {"app2"}


def test_an_altered_file_is_named_and_put_right(inventory):
    edited = {".env": 'PORT="1"\nPASSWORD="hunter22"\n', "compose.override.yml": "services: {}\n"}
    made = plan(inventory, observed(app2={"contents": edited}))
    assert made.hosts["app2"].altered == (".env",)
    assert made.hosts["app1"].altered == ()
    assert "hunter22" not in str(plan_as_dict(made))


def test_an_unhealthy_service_is_replaced(inventory):
    seen = observed()
    seen["app1"]["containers"][1]["health"] = "unhealthy"
    switch = switches(plan(inventory, seen))["app1"]
    asked = {}

    class Run:
        inventory = load_inventory
        ask = staticmethod(lambda *_, **arguments: asked.update(arguments))
        store_passwords = staticmethod(dict)
        undo_without = ()

    Run.inventory = inventory
    switch.apply(Run)
    assert asked["replace"] == ["jawn"]
    assert asked["settle_seconds"] > 0


def test_registry_certificates_travel_when_they_differ(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "ca.crt").write_text("CERTIFICATE")
    inventory = load_inventory(tmp_path, 'docker.registry_certificates={"registry:5000": "ca.crt"}')
    made = plan(inventory, {**observed(app1={"containers": []}), "app2": running(RELEASES["app2"])})
    assert ("prepare", "app1", "trust registry registry:5000") in operations(made)
    trusted = observed(app1={"containers": []})
    for seen in trusted.values():
        seen["facts"] = {**seen["facts"], "certificates": {"registry:5000": "CERTIFICATE"}}
    assert "prepare" not in {phase for phase, _, _ in operations(plan(inventory, trusted))}
    (tmp_path / "project" / "ca.crt").unlink()
    with pytest.raises(ConfigurationError, match=r"certificate cannot be read.*ca\.crt"):
        plan(inventory, trusted)


def test_going_back_is_the_same_switch(inventory):
    older = {
        name: {"manifest": {**made.manifest, "release": "1-aaaaaaaaaaaa"}, "missing_images": []}
        for name, made in RELEASES.items()
    }
    older["app2"]["missing_images"] = ["jawn:0@sha256:bb"]
    seen = observed(app1={"current": "2-b", "containers": []})
    made = build_rollback(inventory, "1-aaaaaaaaaaaa", older, seen)
    assert [(phase, host) for phase, host, _ in operations(made)] == [
        ("pull", "app2"), ("switch", "data1"), ("switch", "app1"), ("switch", "app2")
    ]  # fmt: skip
    assert "create jawn" in operations(made)[2][2]


RULES = "guard/firewall.nft"
GUARDED = {name: release(*services, files={RULES: "rules"}) for name, services in SERVICES.items()}


def guarded(**changes):
    """Return what is observed where the rules of the release are in force."""
    force = {"files": {RULES: GUARDED["app1"].manifest["files"][RULES]["sha256"]}, "pending": False}
    return {name: running(made, **{"guard": force, **changes.get(name, {})}) for name, made in GUARDED.items()}


def test_new_rules_are_put_into_force_everywhere_before_any_switch(inventory):
    made = plan(inventory, observed(), GUARDED)
    phases = [(phase, host) for phase, host, _ in operations(made)]
    assert [host for phase, host in phases if phase == "guard"] == ["app1", "app2", "data1"]
    assert phases.index(("guard", "data1")) < phases.index(("switch", "data1"))
    assert ("guard", "app1", "load the firewall; undone after 30 s unless a new connection gets in") in operations(made)


def test_rules_that_are_in_force_are_left_alone(inventory):
    assert plan(inventory, guarded(), GUARDED).is_empty


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"files": {RULES: "altered"}, "pending": False}, "load the firewall"),
        ({"files": {}, "pending": False}, "load the firewall"),
        ({**guarded()["app1"]["guard"], "pending": True}, "keep what was confirmed last"),
    ],
)
def test_rules_that_somebody_changed_are_put_right(inventory, found, words):
    made = plan(inventory, guarded(app2={"guard": found}), GUARDED)
    [(_, host, text)] = [one for one in operations(made) if one[0] == "guard"]
    assert (host, text.partition(";")[0]) == ("app2", words)


def test_rules_that_are_not_wanted_any_more_are_taken_away(inventory):
    made = plan(inventory, guarded())
    assert {text.partition(";")[0] for phase, _, text in operations(made) if phase == "guard"} == {
        "take the firewall away"
    }


def test_going_back_brings_the_older_rules_back(inventory):
    older = {name: {"manifest": made.manifest, "missing_images": []} for name, made in GUARDED.items()}
    made = build_rollback(inventory, "1-aaaaaaaaaaaa", older, observed())
    assert [phase for phase, _, _ in operations(made)[:3]] == ["guard"] * 3


def test_what_the_guards_need_is_installed(tmp_path):
    inventory = load_inventory(tmp_path, "firewall.mode=ports", "hardening.updates=true")
    seen = observed(app1={"containers": []})
    tools = {"nftables": False, "unattended-upgrades": False, "apt-get": True}
    seen["app2"]["facts"] = {**seen["app2"]["facts"], "tools": tools}
    assert ("prepare", "app2", "install nftables, install unattended-upgrades") in operations(plan(inventory, seen))
