"""Power cuts at every write of a switch, and inside each line of the journal: the next command finds its way."""

from __future__ import annotations

import copy
import shutil

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.agent import pruning, snapshot, stage
from gateway.agent import switch as module
from gateway.agent.failure import StepFailed
from gateway.agent.store import Store
from tests.examples import examples
from tests.unit.agent.power import Supply, powered, quick_disk, tear_journals
from tests.unit.situations import release, service

PROJECT = "helicone-trial"
ROUTES = "live/gateway/routes.yaml"
IDS = ("1-a", "2-b", "3-c")


def made(identifier):
    """Return a release of which every service and file is its own; only the first has `web`."""
    names = {"db": "data", "jawn": "app", "web": "app", "gateway": "edge"}
    services = [
        service(name, role, hash=f"{name} of {identifier}", handover=name == "gateway",
                live=[ROUTES] if name == "gateway" else [])
        for name, role in names.items()
        if name != "web" or identifier == "1-a"
    ]  # fmt: skip
    return release(*services, files={".env": f'MARK="{identifier}"\n', ROUTES: f"routes of {identifier}"})


RELEASES = {identifier: made(identifier) for identifier in IDS}


class Machine:
    """A host's disk and containers; `broken` are the releases whose services do not get healthy."""

    def __init__(self, disk):
        self.disk = disk
        self.store = Store(str(disk / "trial"))
        self.containers = {}
        self.broken = frozenset()
        self.power = Supply(disk)

    def copied(self, disk):
        """Return another machine that is as this one is."""
        shutil.rmtree(disk, ignore_errors=True)
        shutil.copytree(self.disk, disk, symlinks=True)
        other = Machine(disk)
        other.containers = copy.deepcopy(self.containers)
        return other

    def fit(self, monkeypatch):
        """Let the agent's hands on containers change this machine's, one write each."""
        for name in ("up", "remove", "free_ports", "down"):
            monkeypatch.setattr(module.compose, name, getattr(self, name))
        monkeypatch.setattr(module.removal, "remove_others", self.remove_others)
        monkeypatch.setattr(module.handover, "bring_up", self.bring_up)
        monkeypatch.setattr(module.health, "wait_until_ready", self.wait)
        monkeypatch.setattr(module.health, "wait_until_healthy", self.wait)
        monkeypatch.setattr(module.health, "wait_until_taken_up", lambda *_: None)
        monkeypatch.setattr(module.logins, "accept", lambda *_: None)

    def up(self, store, _project, names, _redact):
        for one in store.manifest(store.current())["services"]:
            if one["name"] in names and self.containers.get(one["name"]) != one["hash"]:
                self.power.write()
                self.containers.pop(one["name"], None)  # Compose removes the old one first
                self.power.write()
                self.containers[one["name"]] = one["hash"]

    def bring_up(self, store, _project, wanted, *_):
        if self.containers.get(wanted["name"]) != wanted["hash"]:
            if store.current() in self.broken:
                raise StepFailed("start gateway", "gateway is unhealthy")
            self.power.write()
            self.containers[wanted["name"]] = wanted["hash"]

    def remove_others(self, _project, names, _emit=None):
        for name in [name for name in self.containers if name not in names]:
            self.power.write()
            del self.containers[name]

    def remove(self, _project, _names):
        """Nothing needs a fresh start here."""

    def free_ports(self, _project, _services):
        """No port moves here."""

    def down(self, _store, project):
        self.remove_others(project, [])

    def wait(self, _project, names, *_):
        if any(self.containers.get(name, "of nothing").endswith(tuple(self.broken or ["-"])) for name in names):
            raise StepFailed("start", "unhealthy")

    def switch(self, identifier, broken=(), lasts=None):
        """Switch as a deploy or a rollback would; return `good`, the kind of failure, or `cut` when the power went."""
        self.broken = frozenset(broken)
        self.power = Supply(self.disk, lasts)
        outcome = "cut"
        with powered(self.power):
            try:
                request = {"project": PROJECT, "release": identifier, "secrets": {}}
                module.switch(self.store, request, lambda **_: None)
                outcome = "good"
            except StepFailed as failure:
                outcome = failure.kind
        return outcome

    def runs_whole(self):
        """Return the release that runs as a whole, None for nothing at all, `half` for anything else."""
        identifier = self.store.current()
        if identifier is None:
            return None if not self.containers else "half"
        wanted = RELEASES[identifier].manifest["services"]
        routes = self.store.root / ROUTES
        same = self.containers == {one["name"]: one["hash"] for one in wanted}
        return identifier if same and routes.read_text() == f"routes of {identifier}" else "half"

    def says(self):
        """Return what the next command hears: the release that was whole before, or `whole`."""
        return "whole" if snapshot.interrupted(self.store) is None else "interrupted"


@pytest.fixture(scope="module")
def bare():
    """Give a machine that has the releases, and runs none."""
    with quick_disk() as folder:
        machine = Machine(folder / "bare")
        for identifier in IDS:
            stage.stage(machine.store, identifier, RELEASES[identifier].pack(identifier))
        yield machine


@pytest.fixture
def tearing(monkeypatch):
    tear_journals(monkeypatch)
    return monkeypatch


def started(bare, monkeypatch, on, place="work"):
    machine = bare.copied(bare.disk.parent / place)
    machine.fit(monkeypatch)
    if on:
        assert machine.switch(on) == "good"
    return machine


@pytest.mark.fault("F3")
@pytest.mark.parametrize(
    ("old", "broken"),
    [("1-a", ()), (None, ()), ("1-a", ("2-b",)), (None, ("2-b",))],
    ids=["a change", "the first deploy", "a change that is undone", "a first deploy that is undone"],
)
def test_from_any_cut_the_next_command_leads_to_fully_new_or_fully_old(bare, tearing, injected, old, broken):
    machine = started(bare, tearing, old)
    machine.switch("2-b", broken)
    writes = machine.power.used
    assert writes > 10
    injected(times=writes)
    for cut in range(writes):
        after = started(bare, tearing, old)
        assert after.switch("2-b", broken, cut) == "cut", cut
        assert after.says() == "interrupted" or after.runs_whole() in (old, "2-b"), f"silent and half after {cut}"
        assert after.store.current() or not after.containers, f"taken for an environment kept elsewhere after {cut}"

        new = after.copied(bare.disk.parent / "new")
        new.fit(tearing)
        assert (new.switch("2-b"), new.runs_whole(), new.says()) == ("good", "2-b", "whole"), cut

        back = after.copied(bare.disk.parent / "back")
        back.fit(tearing)
        assert (back.switch("1-a"), back.runs_whole(), back.says()) == ("good", "1-a", "whole"), cut

        undone = after.copied(bare.disk.parent / "undone")
        undone.fit(tearing)
        whole = after.runs_whole() if after.says() == "whole" else old
        assert (undone.switch("3-c", ("3-c", *broken)), undone.says()) == ("failed", "whole")
        assert undone.runs_whole() == whole, f"after {cut} a broken release must lead back to what was whole before"


STEPS = st.tuples(st.sampled_from(IDS), st.sets(st.sampled_from(IDS), max_size=1), st.integers(0, 60) | st.none())


@settings(max_examples=examples(40))
@given(steps=st.lists(STEPS, min_size=1, max_size=5))
@example(steps=[("2-b", set(), 20), ("1-a", set(), 13), ("2-b", {"2-b"}, None), ("1-a", set(), 0)])
def test_after_any_row_of_cuts_a_good_release_settles_the_host(bare, steps):
    with pytest.MonkeyPatch.context() as patch:
        tear_journals(patch)
        machine, told = started(bare, patch, None), False
        for identifier, broken, lasts in steps:
            outcome = machine.switch(identifier, broken, lasts)
            told = outcome == "doubt" or (told and outcome == "cut")  # that the host is in doubt
            whole = machine.runs_whole()
            if outcome == "good":
                assert whole == identifier
            elif outcome == "failed":
                assert whole != "half"
            assert machine.says() == "interrupted" or whole != "half" or told
        assert machine.switch("2-b") == "good"
        assert (machine.runs_whole(), machine.says()) == ("2-b", "whole")


def test_a_cut_while_staging_leaves_whole_releases_only_and_the_next_stage_cleans_up(bare, monkeypatch):
    archive = RELEASES["3-c"].pack("4-d")
    cut = 0
    while True:
        machine = bare.copied(bare.disk.parent / "staging")
        with powered(supply := Supply(machine.disk, cut)):
            stage.stage(machine.store, "4-d", archive)
        assert all(machine.store.check(one) == [] for one in machine.store.release_ids()), cut
        if supply.used < cut:
            break
        if "4-d" not in machine.store.release_ids():
            stage.stage(machine.store, "4-d", archive)
        assert sorted(path.name for path in machine.store.releases.iterdir()) == [*IDS, "4-d"], cut
        cut += 1
    assert cut > 5


def test_a_cut_while_old_releases_are_removed_leaves_whole_ones_only(bare):
    cut = 0
    while True:
        machine = bare.copied(bare.disk.parent / "pruning")
        with powered(supply := Supply(machine.disk, cut)):
            pruning.remove_releases(machine.store, 1, [])
        assert all(machine.store.check(one) == [] for one in machine.store.release_ids()), cut
        if supply.used < cut:
            break
        pruning.remove_releases(machine.store, 1, [])
        assert [path.name for path in machine.store.releases.iterdir()] == ["3-c"], cut
        cut += 1
    assert cut > 5
