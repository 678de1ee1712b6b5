"""What a host runs against what it should run."""

from __future__ import annotations

import json

import pytest

from gateway.plan.observed import altered_files, before_upgrade, is_current, service_changes, settled, upgrade_under_way
from tests.unit.situations import bare, container, release, running, service

RELEASE = release(service("jawn"), service("web"), service("migrations", "migrations", one_shot=True))


def test_the_same_release_whole_running_and_verified_is_current():
    seen = json.loads(json.dumps(running(RELEASE)))  # as it comes over the connection
    assert is_current(RELEASE, seen)
    assert service_changes(RELEASE.manifest, seen) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"interrupted": {"step": "switching", "release": "1-aaaaaaaaaaaa", "previous": None}},
        {"manifest": None},
        {"manifest": {**RELEASE.manifest, "release": "1-aaaaaaaaaaaa", "upstream": "d" * 40}},
        {"history": []},
        {"history": [{"release": "1-aaaaaaaaaaaa", "outcome": "failed"}]},
        {"containers": [container("jawn")]},
        {"containers": [container("jawn"), container("web"), container("mailhog")]},
        {"modes": {".env": "644 0", "compose.override.yml": "644 0"}},
        {"strayed": ["/etc/init.d/helicone-trial"]},
        {"backups": {"standing_still": {"reason": "a restore", "since": "2026-11-30 10:00:00 UTC"}}},
        {"modes": {".env": "600 1000", "compose.override.yml": "644 0"}},
        {"contents": {".env": None, "compose.override.yml": "services: {}\n"}},
        {"contents": {".env": 'PORT="8586"\n', "compose.override.yml": "services: {}\n"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_anything_else_is_not(changes):
    assert not is_current(RELEASE, running(RELEASE, **changes))


def test_a_bare_host_is_not():
    assert not is_current(RELEASE, bare())


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({"hash": "other"}, "recreate"),
        ({"state": "exited"}, "start"),
        ({"health": "unhealthy"}, "restart"),
        ({"hash": "other", "state": "exited"}, "recreate"),
        ({"image": "jawn:1"}, "recreate"),
        ({"misread": ["jawn/x"]}, "restart"),
    ],
)
def test_what_happens_to_a_service(change, action):
    seen = running(RELEASE, containers=[container("jawn", **change), container("web")])
    assert [(one.service, one.action) for one in service_changes(RELEASE.manifest, seen)] == [("jawn", action)]


@pytest.mark.parametrize(
    ("change", "removed"),
    [({"hash": ""}, True), ({"misread": ["jawn/x"]}, True), ({"health": "unhealthy"}, True), ({"hash": "o"}, False)],
)
def test_what_compose_would_keep_is_removed_first(change, removed):
    """A container that somebody made by hand under the project's labels carries no hash of a release."""
    seen = running(RELEASE, containers=[container("jawn", **change), container("web")])
    assert [one.removed_first for one in service_changes(RELEASE.manifest, seen)] == [removed]
    made = release(service("gateway", "edge", handover=True))
    seen = running(made, containers=[container("gateway", **change)])
    beside = "health" not in change
    assert [one.removed_first for one in service_changes(made.manifest, seen)] == [not beside]


def test_a_service_that_can_is_replaced_beside_itself():
    made = release(service("gateway", "edge", handover=True))
    for change in ({"hash": ""}, {"hash": "other"}, {"image": "other"}, {"misread": ["gateway/envoy.yaml"]}):
        seen = running(made, containers=[container("gateway", **change)])
        assert [(one.service, one.action) for one in service_changes(made.manifest, seen)] == [("gateway", "hand over")]


LIVE = "live/gateway/routes.yaml"


def live_release(routes, **more):
    return release(service("gateway", "edge", live=[LIVE], **more), service("web"), files={LIVE: routes, ".env": ""})


def test_files_that_are_read_while_a_service_runs_are_taken_up_by_it():
    before, after = live_release("old"), live_release("new")
    assert service_changes(before.manifest, running(before)) == []
    assert [(one.service, one.action) for one in service_changes(after.manifest, running(before))] == [
        ("gateway", "reload")
    ]


def test_a_service_that_is_made_anew_reads_its_files_anyway():
    before, after = live_release("old"), live_release("new", hash="another", handover=True)
    found = service_changes(after.manifest, running(before))
    assert [(one.service, one.action) for one in found] == [("gateway", "hand over")]
    assert [(one.service, one.action) for one in service_changes(after.manifest, bare())] == [
        ("gateway", "create"),
        ("web", "create"),
    ]


def test_missing_and_surplus_services():
    seen = running(RELEASE, containers=[container("jawn"), container("mailhog")])
    assert [(one.service, one.action) for one in service_changes(RELEASE.manifest, seen)] == [
        ("web", "create"),
        ("mailhog", "remove"),
    ]


def test_altered_files_are_named():
    seen = running(RELEASE)
    seen["contents"][".env"] += "EXTRA=1\n"
    assert altered_files(seen) == [".env"]


@pytest.mark.parametrize(
    ("cut_off", "release"),
    [
        (None, "2-b"),
        ({"step": "switching", "release": "2-b", "previous": "1-a"}, "1-a"),
        ({"step": "switching", "release": "2-b", "previous": None}, None),
        ({"step": "retiring", "release": None, "previous": "2-b"}, None),
    ],
)
def test_where_a_host_goes_back_to(cut_off, release):
    assert settled({**bare(), "current": "2-b", "interrupted": cut_off}) == release


NOTE = {"set": "S0", "made": 1.0, "release": "1-a", "missing": {"postgres": ["2_b.sql"]}, "applied": ["2_b.sql"]}
THERE = {"step": "switching", "release": "2-b", "previous": "1-a"}
BACK = {"step": "switching", "release": "1-a", "previous": "2-b"}
LATER = {"step": "switching", "release": "3-c", "previous": "2-b"}


@pytest.mark.parametrize(
    ("current", "cut_off", "release"),
    [
        ("1-a", None, "1-a"),
        ("2-b", THERE, "1-a"),  # the power went in the migrations
        ("1-a", BACK, "1-a"),  # and here in the undo
        ("2-b", BACK, "1-a"),
        ("2-b", None, None),
        ("3-c", LATER, None),
    ],
)
def test_a_host_is_in_an_upgrade_until_it_is_whole_on_another_release(current, cut_off, release):
    backups = {**bare()["backups"], "upgrade": NOTE}
    seen = {**bare(), "current": current, "interrupted": cut_off, "backups": backups}
    assert upgrade_under_way(seen) == (NOTE if release else None)
    assert settled(seen) == (release or "2-b")
    assert upgrade_under_way({**seen, "backups": bare()["backups"]}) is None


def test_what_an_upgrade_was_to_bring_does_not_count_as_the_schema_of_the_host_that_is_still_in_it():
    migrations = {"postgres": {"files": ["1_a.sql", "2_b.sql"]}, "clickhouse": {"files": ["schema_0"]}}
    seen = {**bare(), "current": "2-b", "interrupted": THERE, "manifest": {"migrations": migrations}}
    assert before_upgrade(seen)["migrations"] == migrations
    noted = {**seen, "backups": {**bare()["backups"], "upgrade": NOTE}}
    assert before_upgrade(noted)["migrations"] == {**migrations, "postgres": {"files": ["1_a.sql"]}}
    assert before_upgrade({**noted, "interrupted": None})["migrations"] == migrations
    assert before_upgrade({**noted, "manifest": {"migrations": None}}) == {"migrations": None}
    assert before_upgrade({**noted, "manifest": None}) is None
