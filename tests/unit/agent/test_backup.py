"""Making a set: proven only when it was read back, marked bad whatever went wrong, and nothing left behind."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from gateway.agent import backup, backup_log, upgrading
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import PASSWORD, host

TABLES = {"public.t": [1, "7"]}
ROWS = {"request_response_rmt": {"3": [2, "9"]}}


class Repository:
    """Plays restic: keeps what was mounted, the marks, and what it is told to fail at."""

    def __init__(self):
        self.marks = []
        self.fails = {}
        self.manifest = b""
        self.lost = ""
        self.kept = []

    def open_repository(self, settings, create):
        self.check("open")

    def save(self, settings, identifier, mounts):
        self.check("save")
        work = mounts[0].split(":")[0]
        self.manifest = Path(work, "manifest.json").read_bytes()
        self.mounts = mounts
        return {"snapshot_id": "s", "total_bytes_processed": 10, "data_added": 4}

    def read(self, settings, snapshot, name):
        self.check("read")
        return self.manifest

    def run(self, settings, *arguments, step="", mounts=()):
        self.check(arguments[0])
        names = [f"/set/{name}" for name in json.loads(self.manifest)["files"] if name != self.lost]
        return "\n".join(json.dumps({"path": name}) for name in names).encode()

    def mark(self, settings, project, identifier, state):
        self.marks.append(state)

    def retain(self, settings, needed):
        self.check("retain")
        self.kept.append(needed)
        return ["old"]

    def check(self, step):
        if step in self.fails:
            raise self.fails[step]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    made = Repository()
    for name in ("open_repository", "save", "read", "run", "mark", "retain"):
        monkeypatch.setattr(backup.restic, name, getattr(made, name))
    monkeypatch.setattr(backup.restic, "is_gone", lambda settings: False)
    for name in ("clickhouse", "object-store"):
        (tmp_path / name).mkdir()
    (tmp_path / "object-store" / "body").write_text("b")
    monkeypatch.setattr(backup.volumes, "folder", lambda volume: tmp_path / volume.removeprefix("helicone-trial-"))

    def save(ask, name):
        folder = tmp_path / "clickhouse" / "backups" / name
        folder.mkdir(parents=True)
        (folder / ".backup").write_text("<config/>")

    monkeypatch.setattr(backup.clickhouse_copy, "save", save)
    numbers = itertools.count(1)
    monkeypatch.setattr(backup, "name_of", lambda _: f"set{next(numbers)}")
    monkeypatch.setattr(backup, "_clickhouse", lambda settings: None)
    monkeypatch.setattr(backup.content, "clickhouse", lambda ask: ROWS)
    monkeypatch.setattr(backup.engine, "container_of", lambda *_: {"Id": "db"})

    def take(container, user, database, folder):
        folder.mkdir()
        (folder / "database.sql").write_text("dump")
        return TABLES

    monkeypatch.setattr(backup.dump, "take", take)
    applied = {"postgres": {"V1.sql"}, "clickhouse": {"schema_1.sql"}}
    monkeypatch.setattr(backup.stores, "applied_migrations", lambda *_: applied)
    return made


def silent(**_):
    pass


def test_a_set_that_was_read_back_is_proven_and_only_then_old_ones_go(tmp_path, repository):
    store = host(tmp_path)
    (store.state / "secrets.yml.age").write_text("age")
    made = backup.take(store, "ann@desk", silent)
    assert repository.marks == ["proven"]
    assert made["removed"] == ["old"]
    assert made["not_in_the_set"] == []
    manifest = json.loads(repository.manifest)
    assert manifest["postgres"] == TABLES
    assert manifest["clickhouse"]["request_response_rmt"]["rows"] == [2, 2]
    assert (manifest["objects"]["count"], manifest["objects"]["bytes"]) == (1, 1)
    assert manifest["migrations"] == {"postgres": ["V1.sql"], "clickhouse": ["schema_1.sql"]}
    assert list(manifest["moments"]) == ["clickhouse", "objects", "postgres"]  # sorted as JSON; their order is below
    moments = manifest["moments"]
    assert moments["clickhouse"] <= moments["postgres"] <= moments["objects"]
    assert {"env", "secrets.yml.age", "objects.jsonl", "postgres/database.sql", "clickhouse/.backup"} == set(
        manifest["files"]
    )
    assert all(mount.endswith(":ro") for mount in repository.mounts)
    assert backup_log.summary(store)["backup"]["set"] == made["set"]


def test_the_set_of_an_upgrade_that_was_cut_off_outlives_the_policy(tmp_path, repository):
    """Scheduled runs go on after its controller is gone, and nothing else has the data of before."""
    store = host(tmp_path)
    backup.take(store, "schedule", silent)
    upgrading.begin(store, {"set": "20260101-000000"})
    backup.take(store, "schedule", silent)
    assert repository.kept == ["", "20260101-000000"]


def test_a_run_leaves_nothing_but_the_set(tmp_path, repository):
    store = host(tmp_path)
    backup.take(store, "ann", silent)
    assert {path.name for path in (store.state / "backup").iterdir()} == {"password", "repository"}
    assert list((tmp_path / "clickhouse" / "backups").iterdir()) == []


def test_what_a_run_left_that_was_cut_off_goes_with_the_next_one(tmp_path, repository):
    """ClickHouse's copy is as large as its tables: some power cuts fill the disk. What others put there stays."""
    store = host(tmp_path)
    for name in ("20260101-030000", "20260102-030000", "of-an-operator"):
        (tmp_path / "clickhouse" / "backups" / name / "data").mkdir(parents=True)
    backup.take(store, "ann", silent)
    assert [path.name for path in (tmp_path / "clickhouse" / "backups").iterdir()] == ["of-an-operator"]


@pytest.mark.parametrize(
    ("step", "marks"),
    [("open", []), ("save", []), ("read", ["bad"]), ("check", ["bad"]), ("ls", ["bad"])],
)
def test_whatever_goes_wrong_the_set_is_not_proven_and_no_old_one_goes(tmp_path, repository, step, marks):
    store = host(tmp_path)
    backup.take(store, "ann", silent)
    repository.marks.clear()
    repository.kept.clear()
    repository.fails[step] = StepFailed(step, f"no space left on device, password {PASSWORD}")
    with pytest.raises(StepFailed, match="no space left"):
        backup.take(store, "ann", silent)
    assert repository.marks == marks
    assert repository.kept == []
    known = backup_log.summary(store)
    assert known["backup"] is not None
    assert PASSWORD not in known["failed_backup"]["cause"]
    assert {path.name for path in (store.state / "backup").iterdir()} == {"password", "repository"}


def test_a_defect_is_a_bad_backup_too(tmp_path, repository):
    repository.fails["save"] = ZeroDivisionError("x")
    store = host(tmp_path)
    with pytest.raises(StepFailed, match="ZeroDivisionError"):
        backup.take(store, "ann", silent)
    assert "ZeroDivisionError" in backup_log.summary(store)["failed_backup"]["cause"]


def test_another_manifest_than_was_saved_is_no_proof(tmp_path, repository, monkeypatch):
    monkeypatch.setattr(backup.restic, "read", lambda *_: b"{}")
    with pytest.raises(StepFailed, match="not the one that was saved"):
        backup.take(host(tmp_path), "ann", silent)
    assert repository.marks == ["bad"]


def test_a_file_that_the_repository_lacks_is_named(tmp_path, repository):
    repository.lost = "postgres/database.sql"
    with pytest.raises(StepFailed, match=r"the first is /set/postgres/database\.sql"):
        backup.take(host(tmp_path), "ann", silent)


def test_external_stores_are_not_in_the_set_and_it_says_so(tmp_path, repository):
    made = backup.take(host(tmp_path, services=("db",)), "ann", silent)
    assert made["not_in_the_set"] == ["clickhouse", "object-store"]
    manifest = json.loads(repository.manifest)
    assert manifest["clickhouse"] is None
    assert manifest["objects"] is None
