"""Making a release the running one, and going back by itself."""

from __future__ import annotations

import pytest

from gateway.agent import switch as module
from gateway.agent.failure import StepFailed
from gateway.agent.stage import stage
from gateway.agent.store import Store
from gateway.agent.switch import retire, switch
from tests.unit.situations import release, service

PROJECT = "helicone-trial"
SECRETS = {"postgres": "pg", "clickhouse": "ch", "clickhouse_hql": "hql", "gateway_stores": "gs"}
SERVICES = [
    service("edge", "edge"), service("jawn"), service("db", "data"), service("migrations", "migrations", one_shot=True)
]  # fmt: skip


class Host:
    """A host without Docker: what would be done to it is written down; `broken` says what fails where."""

    def __init__(self, store, monkeypatch):
        self.store = store
        self.done = []
        self.broken = {}
        for name in ("up", "remove_others", "remove", "free_ports", "down"):
            monkeypatch.setattr(module.compose, name, self.action(name))
        for name in ("wait_until_ready", "wait_until_healthy", "settle"):
            monkeypatch.setattr(module.health, name, self.action(name))
        monkeypatch.setattr(module.health, "wait_until_taken_up", lambda *_: None)
        monkeypatch.setattr(module.logins, "accept", lambda _, values: self.done.append(("accept", values["PORT"])))

    def action(self, name):
        def act(*arguments):
            lists = [argument for argument in arguments if isinstance(argument, list)]
            self.done.append((name, self.store.current(), *lists))
            error = self.broken.get((name, self.store.current()))
            if error:
                raise error

        return act

    def switch(self, identifier, **more):
        request = {"project": PROJECT, "release": identifier, "secrets": SECRETS, **more}
        return switch(self.store, request, lambda **_: None)

    def started(self):
        return [entry[1:] for entry in self.done if entry[0] == "up"]

    def journal(self):
        return [(entry["step"], entry["release"]) for entry in self.store.lines("journal")]


@pytest.fixture
def host(tmp_path, monkeypatch):
    store = Store(str(tmp_path / "trial"))
    for identifier in ("1-a", "2-b"):
        stage(store, identifier, release(*SERVICES).pack(identifier))
    return Host(store, monkeypatch)


def test_services_start_in_their_order_on_the_new_release(host):
    assert host.switch("1-a") == {"release": "1-a", "previous": None}
    assert host.started() == [("1-a", ["db"]), ("1-a", ["jawn"]), ("1-a", ["edge"])]
    assert host.journal() == [("switching", "1-a"), ("switched", "1-a")]
    assert not [entry for entry in host.done if entry[0] == "settle"]


def test_ports_that_move_to_another_service_are_freed_before_anything_starts(host):
    host.switch("1-a")
    names = [entry[0] for entry in host.done]
    assert names.index("free_ports") < names.index("up")


def test_it_is_watched_for_a_while_when_asked(host):
    host.switch("1-a", settle_seconds=3)
    assert host.done[-1] == ("settle", "1-a", ["edge", "jawn", "db"])


@pytest.mark.fault("F8")
@pytest.mark.parametrize(
    "error",
    [
        StepFailed("start jawn", "jawn exited with code 1", logs=["boom"]),
        OSError(28, "No space left on device"),
        KeyError("State"),
    ],
)
def test_whatever_fails_the_old_release_is_brought_back(host, error):
    host.switch("1-a")
    host.done.clear()
    host.broken["wait_until_ready", "2-b"] = error
    with pytest.raises(StepFailed) as caught:
        host.switch("2-b", settle_seconds=9)
    assert caught.value.kind == "failed"
    assert str(error.args[-1]).strip("'") in caught.value.message
    assert host.store.current() == "1-a"
    assert host.started() == [("2-b", ["db"]), ("1-a", ["db"]), ("1-a", ["jawn"]), ("1-a", ["edge"])]
    assert host.journal()[-2:] == [("switching", "2-b"), ("undone", "1-a")]


def test_what_an_old_release_is_not_to_start_stands_still_when_it_comes_back(host, monkeypatch):
    halted = []
    monkeypatch.setattr(module.halting, "halt", lambda project, services: halted.append((project, services)))
    host.switch("1-a")
    host.done.clear()
    host.broken["wait_until_ready", "2-b"] = StepFailed("start db", "db exited")
    with pytest.raises(StepFailed):
        host.switch("2-b", undo_without=["jawn", "web"])
    assert host.started() == [("2-b", ["db"]), ("1-a", ["db"]), ("1-a", ["edge"])]
    assert host.done[-1] == ("wait_until_healthy", "1-a", ["edge", "db"])
    host.switch("1-a", without=["jawn"])
    assert halted == [(PROJECT, ["jawn", "web"]), (PROJECT, ["jawn"])]


def test_the_cause_keeps_its_step_and_logs(host):
    host.broken["wait_until_ready", "2-b"] = StepFailed("start jawn", "jawn exited", logs=["boom"])
    with pytest.raises(StepFailed) as caught:
        host.switch("2-b")
    assert (caught.value.step, caught.value.logs) == ("start jawn", ["boom"])


@pytest.mark.fault("F8")
@pytest.mark.parametrize("error", [StepFailed("start jawn", "not again"), OSError("not again")])
def test_a_host_that_cannot_go_back_is_in_doubt(host, error):
    host.switch("1-a")
    host.broken["wait_until_ready", "2-b"] = StepFailed("start jawn", "first")
    host.broken["wait_until_ready", "1-a"] = error
    with pytest.raises(StepFailed, match=r"first; going back to 1-a failed too: .*not again") as caught:
        host.switch("2-b")
    assert caught.value.kind == "doubt"
    assert host.journal()[-1] == ("doubt", "1-a")


def test_a_first_deploy_that_fails_leaves_no_release_running(host):
    host.broken["wait_until_ready", "1-a"] = StepFailed("start db", "db exited")
    with pytest.raises(StepFailed):
        host.switch("1-a")
    assert host.store.current() is None
    assert ("down", "1-a") in host.done
    assert host.journal() == [("switching", "1-a"), ("retiring", None), ("retired", None), ("undone", None)]


def test_a_switch_that_cannot_be_written_down_is_undone(host, monkeypatch):
    host.switch("1-a")
    append = host.store.append

    def full(name, **entry):
        if entry["step"] != "switching":
            raise OSError(28, "No space left on device")
        append(name, **entry)

    monkeypatch.setattr(host.store, "append", full)
    with pytest.raises(StepFailed, match="No space left") as caught:
        host.switch("2-b")
    assert caught.value.kind == "failed"
    assert host.store.current() == "1-a"


def test_a_release_that_was_tampered_with_is_never_started(host):
    host.switch("1-a")
    host.done.clear()
    (host.store.releases / "2-b" / ".env").write_text("PASSWORD=else\n")
    with pytest.raises(StepFailed, match=r"checksum of \.env"):
        host.switch("2-b")
    assert host.done == []
    assert host.store.current() == "1-a"
    assert host.journal()[-1] == ("switched", "1-a")


def test_retiring_twice_is_no_error(host):
    host.switch("1-a")
    retire(host.store, PROJECT)
    retire(host.store, PROJECT)
    assert host.store.current() is None
    assert len(host.store.release_ids()) == 2


@pytest.fixture
def edge(host, monkeypatch):
    """Give the release 4-d whose edge is replaced beside itself and reads a live file."""
    gateway = service("gateway", "edge", handover=True, live=["live/gateway/routes.yaml"])
    services = [service("door", "edge"), gateway, service("recorder", "edge", handover=True), service("jawn")]
    made = release(*services, files={".env": "", "live/gateway/routes.yaml": "new routes"})
    stage(host.store, "4-d", made.pack("4-d"))

    def bring_up(store, project, wanted, *_):
        routes = store.root / "live/gateway/routes.yaml"
        host.done.append(("bring_up", store.current(), [wanted["name"]], routes.read_text()))
        error = host.broken.get(("bring_up", store.current()))
        if error:
            raise error

    monkeypatch.setattr(module.handover, "bring_up", bring_up)
    return host


def test_what_can_is_handed_over_one_by_one_after_what_owns_its_network(edge):
    edge.switch("4-d")
    steps = [entry for entry in edge.done if entry[0] in ("up", "bring_up")]
    assert steps == [
        ("up", "4-d", ["jawn"]),
        ("up", "4-d", ["door"]),
        ("bring_up", "4-d", ["gateway"], "new routes"),
        ("bring_up", "4-d", ["recorder"], "new routes"),
    ]


def test_a_failed_handover_brings_back_the_old_release_and_its_live_files(edge):
    gateway = service("gateway", "edge", handover=True, live=["live/gateway/routes.yaml"])
    old = release(gateway, files={".env": "", "live/gateway/routes.yaml": "old routes"})
    stage(edge.store, "5-e", old.pack("5-e"))
    edge.switch("5-e")
    edge.broken["bring_up", "4-d"] = StepFailed("start gateway", "gateway is unhealthy")
    with pytest.raises(StepFailed, match="gateway is unhealthy") as caught:
        edge.switch("4-d")
    assert caught.value.kind == "failed"
    assert edge.store.current() == "5-e"
    assert (edge.store.root / "live/gateway/routes.yaml").read_text() == "old routes"
    assert edge.done[-2][:3] == ("bring_up", "5-e", ["gateway"])


@pytest.fixture
def migrations(host, monkeypatch):
    """Give release 2-c, which migrates; the list holds what the ledgers lack, look by look."""
    made = release(*SERVICES)
    made.manifest["migrations"] = {"clickhouse": {}, "postgres": {}, "allowed_absent": []}
    stage(host.store, "3-c", made.pack("3-c"))
    looks = []
    monkeypatch.setattr(module.stores, "missing_migrations", lambda *_: looks.pop(0))
    monkeypatch.setattr(module.stores, "set_hql_password", host.action("set_hql_password"))
    monkeypatch.setattr(module.gateway_users, "accept", host.action("gateway_users"))
    monkeypatch.setattr(module.compose, "run", lambda arguments, *_: host.done.append(("run", arguments[-1])))
    return looks


def test_migrations_run_between_data_and_app(host, migrations):
    migrations += [{"postgres": ["V1.sql"], "clickhouse": []}, {"postgres": [], "clickhouse": []}]
    host.switch("3-c")
    order = [entry[2][0] if entry[0] == "up" else entry[1] for entry in host.done if entry[0] in ("up", "run")]
    assert order == ["db", "migrations", "jawn", "edge"]


def test_the_edges_users_are_made_after_the_migrations_that_make_what_they_read(host, migrations):
    migrations += [{"postgres": ["V1.sql"], "clickhouse": []}, {"postgres": [], "clickhouse": []}]
    host.switch("3-c")
    done = [entry[0] for entry in host.done if entry[0] in ("run", "gateway_users")]
    assert done == ["run", "gateway_users"]


def test_applied_migrations_are_not_run_again(host, migrations):
    migrations += [{"postgres": [], "clickhouse": []}]
    host.switch("3-c")
    assert ("run", "migrations") not in host.done


def test_a_program_that_fails_is_told_with_what_the_ledgers_lack_and_its_last_words(host, migrations, monkeypatch):
    def fail(*_):
        raise StepFailed("migrate", "migrate ended with code 3", logs=["ERROR: division by zero"])

    monkeypatch.setattr(module.compose, "run", fail)
    migrations += [{"postgres": ["V1.sql", "V2.sql"], "clickhouse": []}, {"postgres": ["V2.sql"], "clickhouse": []}]
    with pytest.raises(
        StepFailed, match=r"code 3; 1 migrations are not in the ledgers, the first is V2\.sql"
    ) as caught:
        host.switch("3-c")
    assert caught.value.logs == ["ERROR: division by zero"]


def test_a_program_that_fails_is_not_believed_because_the_ledgers_are_full(host, migrations, monkeypatch):
    def fail(*_):
        raise StepFailed("migrate", "migrate ended with code 3")

    monkeypatch.setattr(module.compose, "run", fail)
    migrations += [{"postgres": ["V1.sql"], "clickhouse": []}, {"postgres": [], "clickhouse": []}]
    with pytest.raises(StepFailed, match=r"^migrate ended with code 3$"):
        host.switch("3-c")


def test_a_clickhouse_that_refuses_the_retention_does_not_undo_the_deploy(host, migrations, monkeypatch):
    migrations += [{"postgres": [], "clickhouse": []}]
    asked = []

    def refuse(*arguments):
        asked.append(arguments[-1])
        raise StepFailed("clickhouse", "not allowed")

    monkeypatch.setattr(module.retention, "apply", refuse)
    host.switch("3-c")
    assert host.store.current() == "3-c"
    assert asked[0]["PORT"] == "8585"  # the settings of this very release


def test_only_the_ledgers_are_believed(host, migrations):
    """The migration program exits 0 when it fails."""
    lacking = {"postgres": ["V1.sql"], "clickhouse": ["schema_2.sql"]}
    migrations += [lacking, lacking]
    host.store.point_to(None)
    with pytest.raises(StepFailed, match=r"2 migrations are not in the ledgers, the first is V1\.sql"):
        host.switch("3-c")
    assert ("3-c", ["jawn"]) not in host.started()


def test_a_login_is_let_in_before_anything_needs_it_and_again_when_going_back(host):
    host.switch("1-a")
    assert [entry[0] for entry in host.done].index("accept") < host.done.index(("up", "1-a", ["jawn"]))
    host.done.clear()
    host.broken["up", "2-b"] = StepFailed("start jawn", "jawn exited")
    with pytest.raises(StepFailed):
        host.switch("2-b")
    assert ("accept", "8585") in host.done


def test_the_stores_follow_the_release_and_not_the_vault(host, migrations, monkeypatch):
    """A vault that is ahead must not lock out the release that a host goes back to."""
    files = {".env": 'PORT="1"\nCLICKHOUSE_PASSWORD="of the release"\n', "compose.override.yml": ""}
    made = release(*SERVICES, files=files)
    made.manifest["migrations"] = {"clickhouse": {}, "postgres": {}, "allowed_absent": []}
    stage(host.store, "6-f", made.pack("6-f"))
    asked = []
    migrations += [{"postgres": [], "clickhouse": []}]
    monkeypatch.setattr(module.stores, "set_hql_password", lambda *arguments: asked.append(arguments[-1]))
    host.switch("6-f")
    assert asked == [{**SECRETS, "clickhouse": "of the release"}]


def test_logins_are_forgotten_where_they_are_kept(host, monkeypatch):
    forgotten = []
    monkeypatch.setattr(module.logins, "forget_others", lambda _, values: forgotten.append(values["PORT"]))
    monkeypatch.setattr(module.gateway_users, "forget_others", lambda *arguments: forgotten.append(arguments[2:]))
    files = {".env": 'PORT="1"\nGATEWAY_STORES_LOGIN=one\nCLICKHOUSE_PASSWORD=ch\n', "compose.override.yml": ""}
    made = release(*SERVICES, files=files)
    made.manifest["migrations"] = {"clickhouse": {}, "postgres": {}, "allowed_absent": []}
    stage(host.store, "7-g", made.pack("7-g"))
    host.store.point_to("7-g")
    module.forget_logins(host.store, PROJECT)
    assert forgotten == ["1", ({"clickhouse": "ch"}, "one")]


def test_after_a_power_cut_a_release_that_fails_leads_back_to_the_last_whole_one(host):
    host.switch("1-a")
    host.store.append("journal", step="switching", release="2-b", previous="1-a")
    host.store.point_to("2-b")  # and then the power went
    host.broken["wait_until_ready", "2-b"] = StepFailed("start jawn", "jawn exited")
    with pytest.raises(StepFailed) as caught:
        host.switch("2-b")
    assert caught.value.kind == "failed"
    assert host.store.current() == "1-a"
    assert host.journal()[-1] == ("undone", "1-a")
