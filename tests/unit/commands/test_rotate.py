"""The order of a rotation, and what is left behind wherever it ends."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from gateway.commands import rotate as module
from gateway.commands.old_values import ACCEPTED, REFUSED, Verdict
from gateway.commands.rotate import Wanted, rotate
from gateway.console import Reporter
from gateway.errors import ConfigurationError, InDoubtError, RolledBackError, VerificationError
from gateway.plan.build import Plan
from gateway.rotation import rotated, settled, unsettled
from gateway.secret import Secret
from gateway.vault import Vault, create_missing
from tests.unit.situations import load, release

EMPTY = Plan("1-a", {}, (), ())
FULL = Plan("2-b", {}, (), ("switch",))
ALL = Wanted("", every=True, given=False, revoke=False)
REVOKE = Wanted("", every=True, given=False, revoke=True)


def named(name, *, given=False, revoke=False):
    return Wanted(name, every=False, given=given, revoke=revoke)


class Project:
    """An environment in memory; `desk.saved` is the vault on disk."""

    def __init__(self, desk, vault):
        self.desk, self.vault = desk, vault
        self.inventory, self.reporter = desk.inventory, Reporter(quiet=True)
        self.releases = dict.fromkeys(desk.inventory.selected, release())

    def with_vault(self, vault):
        return Project(self.desk, vault)

    def saved_vault(self):
        return self.desk.saved

    def keep(self, vault):
        self.desk.done.append("save")
        self.desk.saved = vault


class Desk:
    """Everything around a rotation, with its steps written down in `done`."""

    def __init__(self, inventory, monkeypatch):
        self.inventory, self.done, self.failure, self.accepted = inventory, [], None, False
        self.saved = create_missing(Vault({"provider_api_key": Secret("")}))[0]
        self.plans = [EMPTY, FULL]
        talks = dict.fromkeys(inventory.selected, self)

        @contextmanager
        def connected(*_):
            yield talks

        for name in ("check_all", "refuse_moved", "show_plan", "take_leases"):
            monkeypatch.setattr(module, name, lambda *_: None)
        for name in ("observe", "observe_unlocked"):
            monkeypatch.setattr(module, name, lambda *_: {})
        monkeypatch.setattr(module, "connected", connected)
        monkeypatch.setattr(module, "plan_as_dict", lambda _: {})
        monkeypatch.setattr(module, "make_plan", lambda *_: self.plans.pop(0))
        monkeypatch.setattr(module, "roll_out", self.roll_out)
        monkeypatch.setattr(module, "settle", self.settle)

    def request(self, verb, *_, **arguments):
        self.done.append(verb)
        self.arguments = arguments
        return {}

    def roll_out(self, *_):
        self.done.append("roll out")
        if self.failure:
            raise self.failure

    def settle(self, run, project, *, revoke):
        self.done.append("settle")
        names = unsettled(run.vault, revoke=revoke)
        if self.accepted:
            raise VerificationError("the old one is accepted")
        project.keep(settled(run.vault, names))
        return [Verdict(name, "somewhere", ACCEPTED if self.accepted else REFUSED) for name in names]

    def rotate(self, wanted, *, yes=True):
        return rotate(Project(self, self.saved), wanted, lambda: yes, as_json=True)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    return Desk(load(tmp_path), monkeypatch)


def test_the_key_is_registered_the_vault_saved_the_hosts_changed_and_the_old_values_tried_in_this_order(desk):
    before = desk.saved
    result = desk.rotate(ALL)
    assert desk.done == ["ensure_key", "save", "roll out", "settle", "save"]
    assert result["outcome"] == "rotated"
    assert {one["outcome"] for one in result["old_values"]} == {"refused"}
    assert [name for name in result["made"] if desk.saved[name] == before[name]] == []
    assert unsettled(desk.saved) == ()


def test_the_clients_old_key_stays_valid_unless_it_is_revoked(desk):
    old = desk.saved["helicone_api_key"]
    assert desk.rotate(ALL)["still_valid"] == ["helicone_api_key"]
    assert desk.saved.notes.previous == {"helicone_api_key": old}


def test_revoking_it_later_makes_no_third_one(desk):
    desk.rotate(ALL)
    key, desk.plans, desk.done[:] = desk.saved["helicone_api_key"], [EMPTY, EMPTY], []
    with pytest.raises(ConfigurationError, match="before the present one is still valid"):
        desk.rotate(named("helicone_api_key"))
    result = desk.rotate(named("helicone_api_key", revoke=True))
    assert (result["made"], result["still_valid"]) == ([], [])
    assert desk.saved["helicone_api_key"] == key
    assert desk.saved.notes.previous == {}
    assert "ensure_key" not in desk.done


def test_revoking_is_about_one_secret_only(desk):
    with pytest.raises(ConfigurationError, match="--revoke is about helicone_api_key"):
        desk.rotate(named("admin_password", revoke=True))


def test_without_a_yes_nothing_is_changed(desk):
    before = desk.saved
    assert desk.rotate(ALL, yes=False)["outcome"] == "not confirmed"
    assert desk.done == []
    assert desk.saved is before


def test_an_environment_with_other_changes_is_deployed_first(desk):
    desk.plans = [FULL]
    with pytest.raises(ConfigurationError, match="would bring other changes along") as caught:
        desk.rotate(ALL)
    assert caught.value.next_step.startswith("invoke deploy --env trial")
    assert desk.done == []


def test_secrets_that_another_command_saved_meanwhile_are_not_overwritten(desk):
    project = Project(desk, desk.saved)
    desk.saved = desk.saved.changed({"admin_password": Secret("somebody-elses-1")}, datetime.now(UTC))
    with pytest.raises(ConfigurationError, match="changed by another command"):
        rotate(project, ALL, lambda: True, as_json=True)
    assert desk.saved["admin_password"].reveal() == "somebody-elses-1"
    assert desk.done == []


@pytest.mark.parametrize("failure", [RolledBackError("undone", []), ConfigurationError("no room")])
def test_what_was_undone_has_its_old_values_again(desk, failure):
    before, desk.failure = desk.saved, failure
    with pytest.raises(type(failure)):
        desk.rotate(ALL)
    assert desk.saved == before
    assert unsettled(desk.saved) == ()
    assert desk.done == ["ensure_key", "save", "roll out", "save", "revoke_key"]
    assert desk.arguments["key"] != before["helicone_api_key"].reveal()


def test_what_was_saved_of_other_secrets_meanwhile_outlives_the_undo(desk, monkeypatch):
    before = desk.saved

    def edit(*_):
        desk.saved = desk.saved.changed({"provider_api_key": Secret("sk-edited")}, datetime.now(UTC))
        raise RolledBackError("undone", [])

    monkeypatch.setattr(module, "roll_out", edit)
    with pytest.raises(RolledBackError):
        desk.rotate(named("postgres_password"))
    assert desk.saved["provider_api_key"].reveal() == "sk-edited"
    assert desk.saved["postgres_password"] == before["postgres_password"]
    assert unsettled(desk.saved) == ()


@pytest.mark.parametrize("failure", [InDoubtError("in doubt", []), KeyboardInterrupt()])
def test_what_is_in_doubt_or_cut_off_leaves_both_values_for_the_next_command(desk, failure):
    before, desk.failure = desk.saved, failure
    with pytest.raises(type(failure)):
        desk.rotate(named("postgres_password"))
    assert desk.saved["postgres_password"] != before["postgres_password"]
    assert desk.saved.notes.previous == {"postgres_password": before["postgres_password"]}


def test_a_rotation_that_was_cut_off_is_finished_with_the_values_it_made(desk):
    desk.saved = rotated(desk.saved, {"postgres_password": Secret("made-by-the-first-1")}, datetime.now(UTC))
    desk.plans = [FULL]  # that the hosts are behind is no reason to refuse
    result = desk.rotate(named("postgres_password,admin_password"))
    assert result["made"] == ["admin_password"]
    assert desk.saved["postgres_password"].reveal() == "made-by-the-first-1"
    assert unsettled(desk.saved) == ()


def test_an_old_value_that_is_accepted_stays_in_the_vault(desk):
    before, desk.accepted = desk.saved, True
    with pytest.raises(VerificationError):
        desk.rotate(named("clickhouse_password"))
    assert desk.saved.notes.previous == {"clickhouse_password": before["clickhouse_password"]}


def test_a_providers_key_is_taken_from_standard_input_and_needs_no_host(desk, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk-of-the-provider\n"))
    assert desk.rotate(named("provider_api_key", given=True))["outcome"] == "saved"
    assert desk.saved["provider_api_key"].reveal() == "sk-of-the-provider"
    assert desk.done == ["save"]
    assert unsettled(desk.saved) == ()


def test_a_given_value_waits_for_what_is_not_finished(desk, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("another-password-2\n"))
    desk.saved = rotated(desk.saved, {"postgres_password": Secret("made-by-the-first-1")}, datetime.now(UTC))
    with pytest.raises(ConfigurationError, match="not finished"):
        desk.rotate(named("postgres_password", given=True))


def test_revoking_goes_on_where_the_key_is_made_in_the_same_go(desk):
    old = desk.saved["helicone_api_key"]
    assert desk.rotate(REVOKE)["still_valid"] == []
    assert desk.saved["helicone_api_key"] != old
    assert desk.saved.notes.previous == {}
