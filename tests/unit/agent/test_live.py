"""Files that a running service reads again: whole, readable, in order, and touched only when they differ."""

from __future__ import annotations

import os

import pytest

from gateway.agent import live
from gateway.agent.stage import stage
from gateway.agent.store import Store
from tests.unit.situations import release, service

CLUSTERS, ROUTES = "live/gateway/clusters.yaml", "live/gateway/routes.yaml"


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "trial"))
    for identifier, routes in (("1-a", "one"), ("2-b", "two")):
        files = {".env": "", CLUSTERS: "clusters", ROUTES: routes, "gateway/envoy.yaml": "not live"}
        stage(made, identifier, release(service("gateway", "edge"), files=files).pack(identifier))
    return made


def deliver(store, identifier):
    store.point_to(identifier)
    live.deliver(store, store.manifest(identifier))


def test_they_lie_outside_of_any_release_and_the_others_do_not(store):
    deliver(store, "1-a")
    assert (store.root / CLUSTERS).read_text() == "clusters"
    assert (store.root / ROUTES).read_text() == "one"
    assert sorted(path.name for path in (store.root / "live/gateway").iterdir()) == ["clusters.yaml", "routes.yaml"]
    assert not (store.root / "gateway").exists()


def test_services_may_read_them_whatever_the_umask_was(store):
    before = os.umask(0o077)
    try:
        deliver(store, "1-a")
    finally:
        os.umask(before)
    modes = [(store.root / name).stat().st_mode & 0o777 for name in ("live", "live/gateway", CLUSTERS, ROUTES)]
    assert modes == [0o755, 0o755, 0o644, 0o644]


def test_a_change_is_a_rename_and_what_is_the_same_is_not_touched(store):
    deliver(store, "1-a")
    before = {name: (store.root / name).stat().st_ino for name in (CLUSTERS, ROUTES)}
    with (store.root / ROUTES).open() as open_before:
        deliver(store, "2-b")
        assert open_before.read() == "one"
    assert (store.root / ROUTES).read_text() == "two"
    after = {name: (store.root / name).stat().st_ino for name in (CLUSTERS, ROUTES)}
    assert before[CLUSTERS] == after[CLUSTERS]
    assert before[ROUTES] != after[ROUTES]


def test_going_back_brings_the_old_ones(store):
    deliver(store, "2-b")
    deliver(store, "1-a")
    assert (store.root / ROUTES).read_text() == "one"


def test_where_requests_can_go_comes_before_the_routes_that_lead_there(store, monkeypatch):
    seen = []
    flush = live.flush_folder

    def look(folder):
        seen.append(sorted(path.name for path in folder.iterdir()))
        flush(folder)

    monkeypatch.setattr(live, "flush_folder", look)
    deliver(store, "1-a")
    assert seen == [["clusters.yaml"], ["clusters.yaml", "routes.yaml"]]


def test_the_next_file_waits_until_the_one_before_is_taken_up(store):
    seen = []
    store.point_to("1-a")
    there = store.root / ROUTES
    live.deliver(store, store.manifest("1-a"), lambda name: seen.append((name, there.exists())))
    assert seen == [(CLUSTERS, False), (ROUTES, True)]
    store.point_to("2-b")
    live.deliver(store, store.manifest("2-b"), lambda name: seen.append((name, there.read_text())))
    assert seen[2:] == [(ROUTES, "two")]


def test_where_requests_went_stays_until_the_routes_lead_elsewhere(tmp_path):
    store = Store(str(tmp_path / "trial"))
    texts = {}
    for identifier, names in (("1-a", ["old", "same"]), ("2-b", ["new", "same"])):
        blocks = "".join(f'  - "@type": type.googleapis.com/x\n    name: "{name}"\n    port: 1\n' for name in names)
        texts[identifier] = f'version_info: "{identifier}"\nresources:\n\n{blocks}\n'
        files = {".env": "", CLUSTERS: texts[identifier], ROUTES: identifier}
        stage(store, identifier, release(service("gateway", "edge"), files=files).pack(identifier))
    deliver(store, "1-a")
    store.point_to("2-b")
    seen = []
    live.deliver(store, store.manifest("2-b"), lambda name: seen.append((name, (store.root / name).read_text())))
    assert [name for name, _ in seen] == [CLUSTERS, ROUTES, CLUSTERS]
    both = seen[0][1]
    assert both.count('"@type"') == 3
    assert [f'name: "{name}"' in both for name in ("old", "new", "same")] == [True, True, True]
    assert 'version_info: "2-b and before"' in both
    assert seen[2][1] == texts["2-b"]


def test_a_change_by_hand_is_put_right(store):
    deliver(store, "1-a")
    (store.root / ROUTES).write_text("by hand")
    deliver(store, "1-a")
    assert (store.root / ROUTES).read_text() == "one"


def test_a_release_without_any_makes_no_folder(store):
    stage(store, "3-c", release().pack("3-c"))
    deliver(store, "3-c")
    assert not (store.root / "live").exists()


def test_the_content_is_on_the_disk_before_it_gets_its_name(store, monkeypatch):
    flushed = []
    flush, replace = os.fsync, type(store.root).replace
    monkeypatch.setattr(
        live.os, "fsync", lambda descriptor: (flushed.append(os.fstat(descriptor).st_ino), flush(descriptor))
    )

    def rename(path, target):
        assert path.name.startswith(".current") or path.stat().st_ino in flushed
        return replace(path, target)

    monkeypatch.setattr(type(store.root), "replace", rename)
    deliver(store, "1-a")
    assert (store.root / ROUTES).read_text() == "one"
