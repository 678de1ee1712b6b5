"""Any host against any release: the plan is empty exactly where nothing differs, and carrying it out makes it so."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plan.build import build_deploy
from gateway.plan.observed import ServiceChange, service_changes
from tests.unit.situations import PROJECT, bare, container, entry, load, release, running, service

KEY = b"k" * 32
ROLES = {"db": "data", "object-store": "data", "jawn": "app", "web": "app", "door": "edge", "gateway": "edge"}
LIVE = "live/gateway/routes.yaml"
RELEASES = st.builds(
    lambda names, hashes, port, routes: release(
        *(
            service(name, ROLES[name], hash=f"{name}-{hashes[name]}", handover=name == "gateway",
                    live=[LIVE] if name == "gateway" else [])
            for name in sorted(names)
        ),
        files={".env": f'PORT="{port}"\nPASSWORD="hunter22"\n', LIVE: f"routes {routes}"},
    ),
    st.sets(st.sampled_from(sorted(ROLES)), min_size=1),
    st.fixed_dictionaries({name: st.integers(1, 2) for name in ROLES}),
    st.integers(8585, 8586),
    st.integers(1, 2),
)  # fmt: skip


def deployed(of, identifier):
    """Return the snapshot of a host after a release was switched to and verified."""
    seen = running(of, identifier)
    seen["containers"] = [
        container(one["name"], image=one["image"], hash=one["hash"]) for one in of.manifest["services"]
    ]
    return seen


def edited(seen):
    seen["contents"][".env"] += "# by hand\n"


def reopened(seen):
    seen["modes"][".env"] = "644 0"


def stopped(seen):
    seen["containers"][0]["state"] = "exited"


def ill(seen):
    seen["containers"][0]["health"] = "unhealthy"


def misread(seen):
    seen["containers"][0]["misread"] = ["gateway/envoy.yaml"]


def gone(seen):
    del seen["containers"][0]


def surplus(seen):
    seen["containers"].append(container("mailhog"))


def retagged(seen):
    seen["containers"][0]["image"] = "other:1"


def cut_off(seen):
    seen["interrupted"] = {"step": "switching", "release": "9-x", "previous": seen["current"]}


def unverified(seen):
    seen["history"] = [entry(seen["current"], "failed")]


def unguarded(seen):
    seen["guard"] = {"files": {"guard/sshd.conf": "aa"}, "pending": False}


def strayed(seen):
    seen["strayed"] = ["/etc/init.d/helicone-trial"]


DRIFT = (edited, reopened, stopped, ill, misread, gone, surplus, retagged, cut_off, unverified, unguarded, strayed)
DRIFTS = st.lists(st.tuples(st.sampled_from(["app1", "app2", "data1"]), st.sampled_from(DRIFT)), max_size=2)


def plan(inventory, releases, seen):
    return build_deploy(inventory, releases, seen, PROJECT, KEY)


def carried_out(made, releases, seen):
    """Return what the hosts look like once every operation of a plan was done and verified."""
    after = copy.deepcopy(seen)
    for phase in made.touching:
        for wave in phase.waves:
            for operation in wave:
                if phase.title == "switch":
                    guard, history = after[operation.host]["guard"], after[operation.host]["history"]
                    after[operation.host] = deployed(releases[operation.host], operation.identifier)
                    after[operation.host]["guard"] = guard
                    after[operation.host]["history"] = [*history, entry(operation.identifier, "good")]
                elif phase.title == "guard":
                    after[operation.host]["guard"] = {"files": {}, "pending": False}
    return after


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    return load(tmp_path_factory.mktemp("plans"))


HOSTS = st.fixed_dictionaries(dict.fromkeys(("app1", "app2", "data1"), RELEASES))


@given(HOSTS, HOSTS | st.none(), DRIFTS)
def test_a_plan_is_empty_exactly_where_nothing_differs_and_leads_there(inventory, wanted, runs, drifts):
    seen = {name: deployed((runs or wanted)[name], "3-aaaaaaaaaaaa") for name in wanted}
    for name, drift in drifts:
        if seen[name]["containers"]:
            drift(seen[name])
    same = not drifts and all((runs or wanted)[name].manifest == wanted[name].manifest for name in wanted)
    made = plan(inventory, wanted, seen)
    assert made.is_empty == same
    after = carried_out(made, wanted, seen)
    assert plan(inventory, wanted, after).is_empty
    if same:
        assert after == seen


@given(HOSTS, HOSTS)
def test_the_order_holds_whatever_changes(inventory, wanted, runs):
    seen = {name: deployed(runs[name], "3-aaaaaaaaaaaa") for name in runs}
    seen["data1"]["guard"] = {"files": {"guard/sshd.conf": "aa"}, "pending": False}
    seen["app2"]["facts"]["missing_images"] = ["jawn:2@sha256:bb"]
    made = plan(inventory, wanted, seen)
    titles = [phase.title for phase in (*made.preparing, *made.touching)]
    order = ["prepare", "stage", "pull", "guard", "switch", "account"]
    assert titles == [title for title in order if title in titles]
    assert {"stage", "pull", "guard", "switch"} <= set(titles)
    waves = [[one.host for one in wave] for phase in made.touching if phase.title == "switch" for wave in phase.waves]
    assert waves == [["data1"], ["app1"], ["app2"]]  # data first; one of the others at a time, as deploy.batch says
    staged = [one.host for phase in made.preparing if phase.title == "stage" for one in phase.waves[0]]
    assert sorted(staged) == sorted(wanted)
    number = int(made.identifier.partition("-")[0])
    assert number == 4


@given(RELEASES, RELEASES)
def test_each_service_is_changed_at_most_once_and_the_others_not_at_all(old, new):
    seen = deployed(old, "3-a")
    changes = service_changes(new.manifest, seen)
    before = {one["name"]: one for one in old.manifest["services"]}
    after = {one["name"]: one for one in new.manifest["services"]}
    assert len({change.service for change in changes}) == len(changes)
    untouched = {name for name in after if name in before and after[name]["hash"] == before[name]["hash"]}
    reloads = {change.service for change in changes if change.action == "reload"}
    assert not (untouched - reloads) & {change.service for change in changes}
    assert {change.service for change in changes if change.action == "create"} == set(after) - set(before)
    assert {change.service for change in changes if change.action == "remove"} == set(before) - set(after)
    assert all(isinstance(change, ServiceChange) and change.reason for change in changes)


@given(HOSTS)
def test_bare_hosts_get_everything_in_one_plan(inventory, wanted):
    made = plan(inventory, wanted, {name: bare() for name in wanted})
    after = carried_out(made, wanted, {name: bare() for name in wanted})
    assert plan(inventory, wanted, after).is_empty
