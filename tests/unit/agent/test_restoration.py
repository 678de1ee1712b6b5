"""Restores: what is refused, and that the old data comes back whatever goes wrong."""

from __future__ import annotations

import copy
import json
import shutil

import pytest

from gateway.agent import aside, backup_log, backup_settings, restoration, upgrading
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import host
from tests.unit.agent.power import Supply, powered

MANIFEST = {
    "upstream": "d" * 40, "postgres": {"public.t": [1, "7"]}, "clickhouse": {}, "objects": {"count": 0, "sampled": {}},
    "migrations": {"postgres": ["V1.sql"], "clickhouse": ["schema_1.sql"]},
}  # fmt: skip
PASSWORDS = {"postgres": "pg", "clickhouse": "ch", "clickhouse_hql": "h", "gateway_stores": "g"}


def changed(store, files):
    manifest = copy.deepcopy(MANIFEST)
    manifest["migrations"][store] = files
    return manifest


@pytest.fixture
def settings(tmp_path):
    return backup_settings.load(host(tmp_path))


def test_a_set_of_this_schema_fits(settings):
    restoration.refuse_other(settings, MANIFEST)
    restoration.refuse_other(settings, changed("clickhouse", ["schema_1.sql", "schema_79.sql"]))


def test_what_an_image_applies_beyond_its_version_is_no_newer_schema(settings):
    more = changed("postgres", ["V1.sql", "V1_of_a_fork.sql"])
    restoration.refuse_other(settings, {**more, "upstream": settings.upstream})


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (changed("postgres", []), "release here is newer than the set: 1 migrations of postgres"),
        (changed("postgres", ["V1.sql", "V2.sql"]), "set is newer than the release here: 1 migrations of postgres"),
        (changed("clickhouse", []), "release here is newer than the set: 1 migrations of clickhouse"),
    ],
)
def test_another_schema_is_refused_with_the_version_to_deploy(settings, manifest, words):
    with pytest.raises(StepFailed, match=words) as caught:
        restoration.refuse_other(settings, manifest)
    assert caught.value.kind == "configuration"
    assert f"upstream.ref {'d' * 40}" in caught.value.message


def test_a_set_of_other_stores_is_refused(tmp_path):
    settings = backup_settings.load(host(tmp_path, services=("db",)))
    with pytest.raises(StepFailed, match="the set holds clickhouse, db, object-store, and on this host run db"):
        restoration.refuse_other(settings, MANIFEST)


@pytest.fixture
def live(tmp_path, monkeypatch):
    """Let volumes be folders, and containers and stores notes of what was asked of them."""
    place = tmp_path / "volumes"
    place.mkdir()
    notes = []

    def make(volume):
        (place / volume).mkdir(exist_ok=True)
        return place / volume

    def remove(volume):
        if (place / volume).is_dir():
            restoration.volumes.empty(place / volume)
            (place / volume).rmdir()

    monkeypatch.setattr(restoration.volumes, "make", make)
    monkeypatch.setattr(restoration.volumes, "remove", remove)
    monkeypatch.setattr(
        restoration.volumes, "folder", lambda volume: place / volume if (place / volume).is_dir() else None
    )
    for name in ("postgres", "clickhouse", "object-store"):
        (make(f"helicone-trial-{name}") / "old").write_text(name)
    chosen = {"id": "20260101-033000", "snapshot": "s", "state": "proven", "project": "helicone-trial", "time": ""}
    monkeypatch.setattr(restoration.restic, "open_repository", lambda *_, **__: None)
    monkeypatch.setattr(restoration.restic, "choose", lambda *_: chosen)

    def fetch(settings, snapshot, target):
        for part in ("postgres", "clickhouse", "objects"):
            (target / "set" / part).mkdir(parents=True)
        (target / "set" / "objects" / "new").write_text("object")
        (target / "set" / "manifest.json").write_text(json.dumps({**MANIFEST, "files": {}}))
        return target / "set"

    monkeypatch.setattr(restoration.restic, "restore", fetch)
    monkeypatch.setattr(restoration, "_stop", lambda _: notes.append("stop"))
    monkeypatch.setattr(restoration, "_start", lambda *_: notes.append("start"))
    monkeypatch.setattr(restoration.compose, "redaction", lambda *_: str)
    monkeypatch.setattr(restoration.compose, "run", lambda *_: notes.append("create"))
    monkeypatch.setattr(restoration, "_load", lambda *_: [])
    monkeypatch.setattr(restoration.health, "wait_until_healthy", lambda *_: notes.append("healthy"))
    monkeypatch.setattr(restoration, "_set_up_users", lambda *_: notes.append("users"))
    return place, notes


def content(place):
    return {
        f"{path.parent.name}/{path.name}": path.read_text() for path in place.glob("*/*") if path.is_file()
    }  # fmt: skip


OLD = {f"helicone-trial-{name}/old": name for name in ("postgres", "clickhouse", "object-store")}

NEW = {"helicone-trial-object-store/new": "object"}


def restore(store):
    words = {"set": "20260101-033000", "elsewhere": None, "secrets": PASSWORDS, "by": "ann@desk"}
    return restoration.restore(store, words, lambda **_: None)


def test_the_set_takes_the_place_of_the_old_data(tmp_path, live):
    place, notes = live
    store = host(tmp_path)
    assert restore(store)["set"] == "20260101-033000"
    assert content(place) == {"helicone-trial-object-store/new": "object"}
    assert notes == ["stop", "create", "start", "users", "healthy"]
    assert sorted(path.name for path in place.iterdir()) == [
        "helicone-trial-clickhouse", "helicone-trial-object-store", "helicone-trial-postgres",
    ]  # fmt: skip
    assert store.lines(backup_log.NAME)[-1]["outcome"] == "good"


@pytest.mark.fault("F16")
def test_a_power_cut_in_the_migrations_leaves_a_host_that_takes_the_set_of_before(tmp_path, live, monkeypatch):
    """Its stores start as the old release has them, and nothing of the newer one is started on that data."""
    store = host(tmp_path)
    newer = store.releases / "4-def"
    shutil.copytree(store.releases / "3-abc", newer)
    manifest = json.loads((newer / "manifest.json").read_text())
    manifest["migrations"]["postgres"]["files"].append("V2.sql")
    (newer / "manifest.json").write_text(json.dumps(manifest))
    upgrading.begin(store, {"set": "20260101-033000", "release": "3-abc"})
    store.append("journal", step="switching", release="4-def", previous="3-abc")
    store.point_to("4-def")
    monkeypatch.setattr(restoration.restic, "read", lambda *_: json.dumps(MANIFEST))
    assert restoration.look(store, "20260101-033000", None)["manifest"] == MANIFEST
    assert store.current() == "4-def"
    monkeypatch.setattr(restoration, "_start", lambda store, settings, _: live[1].append(store.current()))
    restore(store)
    assert live[1] == ["stop", "create", "3-abc", "users", "healthy"]
    assert (store.current(), store.unfinished()) == ("3-abc", None)


@pytest.mark.parametrize("step", ["_fill", "_start", "_load", "_set_up_users"])
def test_whatever_goes_wrong_the_old_data_comes_back(tmp_path, live, monkeypatch, step):
    place, _ = live
    original, failed = getattr(restoration, step), []

    def fail(*arguments):
        if failed:
            return original(*arguments)
        failed.append(step)
        raise ValueError("a defect")

    monkeypatch.setattr(restoration, step, fail)
    store = host(tmp_path)
    with pytest.raises(StepFailed, match="a defect") as caught:
        restore(store)
    assert caught.value.kind == "failed"
    assert content(place) == OLD
    assert store.lines(backup_log.NAME)[-1]["outcome"] == "bad"


def test_content_that_is_not_the_manifests_is_no_restore(tmp_path, live, monkeypatch):
    place, _ = live
    monkeypatch.setattr(restoration, "_load", lambda *_: ["PostgreSQL: t has 0 rows"])
    with pytest.raises(StepFailed, match="t has 0 rows"):
        restore(host(tmp_path))
    assert content(place) == OLD


def test_stores_that_do_not_come_back_are_in_doubt_and_keep_the_old_data(tmp_path, live, monkeypatch):
    place, _ = live

    def fail(*_):
        raise StepFailed("start db", "db exited")

    monkeypatch.setattr(restoration, "_start", fail)
    with pytest.raises(StepFailed, match="db exited") as caught:
        restore(host(tmp_path))
    assert "putting the old data back failed too: db exited" in caught.value.message
    assert caught.value.kind == "doubt"
    assert content(place) == OLD


def test_a_restore_that_was_cut_off_is_undone_by_the_next_one_first(tmp_path, live, monkeypatch):
    place, notes = live

    def cut_off(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(restoration, "_load", cut_off)
        with pytest.raises(SystemExit):
            restore(host(tmp_path))
    assert content(place) != OLD
    assert aside.is_cut_off(host(tmp_path / "other"), "helicone-trial", engine_answers=True)
    notes.clear()
    with monkeypatch.context() as patch:
        patch.setattr(restoration.restic, "choose", lambda *_: (_ for _ in ()).throw(StepFailed("choose", "gone")))
        with pytest.raises(StepFailed, match="gone"):
            restore(host(tmp_path / "again"))
    assert content(place) == OLD
    assert notes == ["stop", "start"]
    assert not aside.is_cut_off(host(tmp_path / "third"), "helicone-trial", engine_answers=True)


def test_a_set_that_does_not_fit_leaves_everything_alone(tmp_path, live, monkeypatch):
    place, notes = live
    monkeypatch.setattr(
        restoration.drill, "read_manifest", lambda *_: changed("postgres", [])
    )  # fmt: skip
    with pytest.raises(StepFailed) as caught:
        restore(host(tmp_path))
    assert caught.value.kind == "configuration"
    assert (content(place), notes) == (OLD, [])


def test_a_cut_while_the_proven_set_is_made_final_brings_back_nothing_old(tmp_path, live, monkeypatch):
    """One store of the old data beside two of the new would be neither."""
    place, _ = live

    def cut(beside, give_up=restoration.aside.give_up):
        give_up(beside)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(restoration.aside, "give_up", cut)
        with pytest.raises(SystemExit):
            restore(host(tmp_path))
    assert not aside.is_cut_off(host(tmp_path / "other"), "helicone-trial", engine_answers=True)
    with monkeypatch.context() as patch:
        patch.setattr(restoration.restic, "choose", lambda *_: (_ for _ in ()).throw(StepFailed("choose", "gone")))
        with pytest.raises(StepFailed, match="gone"):
            restore(host(tmp_path / "again"))
    assert content(place) == NEW


@pytest.mark.fault("F17")
def test_from_a_power_cut_at_any_write_the_next_command_finds_all_the_old_or_all_the_new_data(
    tmp_path, live, monkeypatch, injected
):
    place, _ = live
    store, cut = host(tmp_path), 0
    old = tmp_path / "old"
    shutil.copytree(place, old)
    while True:
        with powered(supply := Supply(place, cut)):
            restore(store)
        whole = cut > supply.used
        wants_help = aside.is_cut_off(store, "helicone-trial", engine_answers=True)
        assert aside.is_cut_off(store, "helicone-trial", engine_answers=False) or not wants_help, cut
        assert wants_help or content(place) in (OLD, NEW), f"silent, and neither old nor new, after {cut}"
        with monkeypatch.context() as patch:
            patch.setattr(restoration.restic, "choose", lambda *_: (_ for _ in ()).throw(StepFailed("choose", "gone")))
            with pytest.raises(StepFailed, match="gone"):
                restore(store)
        assert content(place) in ([OLD] if wants_help else [OLD, NEW]), cut
        assert not aside.is_cut_off(store, "helicone-trial", engine_answers=True)
        assert not aside.is_cut_off(store, "helicone-trial", engine_answers=False)
        if whole:
            break
        shutil.rmtree(place)
        shutil.copytree(old, place)
        cut += 1
    assert content(place) == NEW
    assert cut > 20
    injected(times=cut)
