"""Old values are tried where they were in force, and only a refusal is one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gateway.commands import old_values as module
from gateway.commands.old_values import ACCEPTED, NOT_TRIED, REFUSED, UNKNOWN, try_old_values
from gateway.commands.settle import settle
from gateway.console import Reporter
from gateway.errors import VerificationError
from gateway.plan.operations import Run
from gateway.rotation import ROTATABLE, made_anew, rotated, unsettled
from gateway.secret import Secret
from gateway.transport.conversation import AgentError
from gateway.vault import Vault, create_missing
from gateway.verify.outside import Answer
from tests.unit.situations import load, release, running

MADE_HERE = tuple(sorted(ROTATABLE - {"provider_api_key"}))
OLD = create_missing(Vault({"provider_api_key": Secret("sk-of-a-provider")}))[0]
NEW = rotated(OLD, {name: made_anew(name) for name in MADE_HERE}, datetime(2026, 11, 23, tzinfo=UTC))


class Fleet:
    """Hosts on which the values of `vault` are in force: whatever is asked with others is refused."""

    def __init__(self, inventory):
        self.inventory, self.vault, self.asked, self.answers = inventory, NEW, [], {}
        self.run = Run(inventory, NEW, {name: Talk(self, name) for name in inventory.selected}, Reporter(quiet=True))

    def holds(self, text):
        return any(value.reveal() in text for value in self.vault.values.values() if value.reveal())


class Talk:
    """One host."""

    def __init__(self, fleet, name):
        self.fleet, self.name = fleet, name

    def request(self, verb, _=None, __=b"", **arguments):
        self.fleet.asked.append((self.name, verb, arguments))
        answer = self.fleet.answers.get(verb, self.fleet.answers.get((verb, arguments.get("service"))))
        if isinstance(answer, Exception):
            raise answer
        return answer or getattr(self, verb)(arguments)

    def lets_in(self, arguments):
        return {"accepted": self.fleet.holds(arguments["password"])}

    def carriers(self, arguments):
        return {"services": ["jawn"] if self.fleet.holds(arguments["values"][0]) else []}

    def set_account_password(self, _):
        return {"changed": True}

    def ensure_key(self, _):
        return {}

    revoke_key = forget_logins = open_repository = ensure_key

    def opens_repository(self, arguments):
        return {"accepted": self.fleet.holds(arguments["password"])}

    def snapshot(self, _):
        return running(release())

    def ask(self, arguments):
        return {"status": 200 if self._taken(arguments) else 403, "headers": {}, "body": self._body(arguments)}

    def _taken(self, arguments):
        if arguments["path"].startswith("/api/auth/sign-in"):
            return self.fleet.holds(arguments["body"]) or self._refuse(401)
        if arguments["service"] == "egress":
            return self.fleet.holds(arguments["headers"]["Authorization"]) or self._refuse(401)
        if arguments["service"] in ("clickhouse", "object-store"):
            return self.fleet.holds(json.dumps(arguments["headers"]))
        return True

    def _refuse(self, status):
        self.fleet.answers.setdefault("status", status)
        return False

    def _body(self, arguments):
        if arguments["path"].endswith("sign-in/email"):
            return '{"token": "to.ken"}'
        if arguments["path"].endswith("get-session"):
            signed = module.Web(self.fleet.run, self.name)._cookie("to.ken", self.fleet.vault["better_auth_secret"])  # noqa: SLF001
            return '{"session": 1}' if arguments["headers"]["Cookie"] == signed else "null"
        return ""


class Asking(Talk):
    """A host whose refusals have the status that the real ones have."""

    def ask(self, arguments):
        answer = super().ask(arguments)
        refused = answer["status"] == 403 and ("auth" in arguments["path"] or arguments["service"] == "egress")
        return {**answer, "status": 401} if refused else answer


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    made = Fleet(load(tmp_path))
    made.run = Run(made.inventory, NEW, {n: Asking(made, n) for n in made.inventory.selected}, Reporter(quiet=True))
    monkeypatch.setattr(
        module.outside, "send", lambda *_, headers, **__: Answer(200 if made.holds(str(headers)) else 401)
    )
    monkeypatch.setattr(module, "door_of", lambda *_: type("Door", (), {"gateway": "http://x", "trust": None}))
    monkeypatch.setattr(module, "KEY_SECONDS", 0)
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    return made


def outcomes(fleet, *names):
    return {verdict.outcome for verdict in try_old_values(fleet.run, NEW, names or MADE_HERE)}


@pytest.mark.parametrize("name", MADE_HERE)
def test_a_value_that_is_no_longer_in_force_is_refused(fleet, name):
    expected = {REFUSED, NOT_TRIED} if name == "fingerprint_key" else {REFUSED}
    assert outcomes(fleet, name) == expected


@pytest.mark.parametrize("name", MADE_HERE)
def test_a_value_that_is_still_in_force_is_found_out(fleet, name):
    """As if nothing had been rolled out."""
    fleet.vault = Vault({**NEW.values, name: OLD[name]})
    if name in ("object_store_secret_key", "better_auth_secret"):
        return  # what is sent is a signature: the next tests
    assert ACCEPTED in outcomes(fleet, name)


def test_an_old_secret_key_that_signs_is_found_out(fleet):
    fleet.answers["ask", "object-store"] = {"status": 200, "body": "", "headers": {}}
    assert ACCEPTED in outcomes(fleet, "object_store_secret_key")


def test_an_old_signature_of_sessions_that_is_taken_is_found_out(fleet, monkeypatch):
    monkeypatch.setattr(module.Web, "knows", lambda *_: True)
    assert ACCEPTED in outcomes(fleet, "better_auth_secret")


def test_a_trial_without_a_session_proves_nothing(fleet, monkeypatch):
    monkeypatch.setattr(module.Web, "knows", lambda *_: False)
    assert UNKNOWN in outcomes(fleet, "better_auth_secret")


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        ("lets_in", "postgres_password"),
        (("ask", "clickhouse"), "clickhouse_password"),
        ("carriers", "request_cache_key"),
    ],
)
def test_what_cannot_be_asked_is_not_taken_for_refused(fleet, verb, name):
    fleet.answers[verb] = AgentError("data1", {"step": "x", "message": "does not answer"})
    assert outcomes(fleet, name) & {UNKNOWN}


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_store_that_is_out_of_order_has_not_refused(fleet, status):
    fleet.answers["ask", "clickhouse"] = {"status": status, "body": "", "headers": {}}
    assert UNKNOWN in outcomes(fleet, "clickhouse_password")


def test_postgres_is_tried_as_the_old_login_and_as_the_owner(fleet):
    outcomes(fleet, "postgres_password")
    users = [arguments["user"] for _, verb, arguments in fleet.asked if verb == "lets_in"]
    assert len(users) == 2
    assert users[0].startswith("helicone_")
    assert users[1] == "postgres"
    assert OLD["fingerprint_key"] != NEW["fingerprint_key"]  # the old login's name came from the old key


def test_what_others_made_is_not_tried(fleet):
    vault = rotated(OLD, {"provider_api_key": Secret("sk-another")}, datetime.now(UTC))
    [first, *_] = try_old_values(fleet.run, vault, ("provider_api_key",))
    assert (first.outcome, first.words) == (NOT_TRIED, "whoever made it has to revoke it")


def test_without_bundled_stores_there_is_no_repository_to_try_a_password_on(tmp_path, fleet):
    """Backups are on as shipped, also where they have nothing to back up."""
    inventory = load(
        tmp_path / "external", "postgres={mode: external, host: pg}", "clickhouse={mode: external, url: 'http://ch:8123'}",
        "object_store={mode: external, endpoint: 'http://s3:9000'}",
    )  # fmt: skip
    run = Run(inventory, NEW, {name: Asking(fleet, name) for name in inventory.selected}, Reporter(quiet=True))
    first, *_ = try_old_values(run, NEW, ("backup_password",))
    assert (first.outcome, first.words) == (NOT_TRIED, "no backups are made here")


def test_one_thread_of_a_gateway_that_refuses_is_not_the_whole_gateway(fleet, monkeypatch):
    answers = iter([401, 401, 200, 401, 200, *[401] * 20])
    asked = []
    monkeypatch.setattr(module, "KEY_SECONDS", 60)
    monkeypatch.setattr(module.outside, "send", lambda *_, **__: asked.append(1) or Answer(next(answers)))
    trial = module._Trial(fleet.run, NEW, OLD)  # noqa: SLF001
    assert trial._key_passes("app1", running(release()), "helicone_api_key") is False  # noqa: SLF001
    assert len(asked) == 5 + module.IN_A_ROW


class Keeping:
    """A project that keeps vaults in memory."""

    def __init__(self, inventory, saved=None):
        self.inventory, self.kept, self.saved = inventory, [], saved or NEW

    def saved_vault(self):
        return self.saved

    def keep(self, vault):
        self.kept.append(vault)


def test_settling_puts_accounts_and_keys_into_force_before_it_tries_and_then_forgets(fleet):
    project = Keeping(fleet.inventory)
    settle(fleet.run, project, revoke=True)
    verbs = [verb for _, verb, _ in fleet.asked]
    for first in ("set_account_password", "ensure_key", "revoke_key", "forget_logins"):
        assert verbs.index(first) < verbs.index("lets_in"), first
    revoked = next(arguments for _, verb, arguments in fleet.asked if verb == "revoke_key")
    assert revoked["key"] == OLD["helicone_api_key"].reveal()
    [kept] = project.kept
    assert unsettled(kept, revoke=True) == ()
    assert kept.values == NEW.values


def test_what_was_saved_of_other_secrets_while_it_was_at_work_stays(fleet):
    edited = NEW.changed({"provider_api_key": Secret("sk-edited")}, datetime.now(UTC))
    project = Keeping(fleet.inventory, edited)
    settle(fleet.run, project, revoke=True)
    [kept] = project.kept
    assert kept.values == edited.values
    assert unsettled(kept, revoke=True) == ()


def test_the_clients_key_is_left_alone_unless_it_is_to_be_revoked(fleet):
    project = Keeping(fleet.inventory)
    settle(fleet.run, project)
    assert "revoke_key" not in [verb for _, verb, _ in fleet.asked]
    assert set(project.kept[0].notes.previous) == {"helicone_api_key"}


def test_an_old_value_that_is_accepted_is_an_error_that_names_it_and_nothing_is_forgotten(fleet):
    project = Keeping(fleet.inventory)
    fleet.answers["lets_in"] = {"accepted": True}
    with pytest.raises(VerificationError, match="the old postgres_password is accepted") as caught:
        settle(fleet.run, project)
    assert caught.value.exit_code == 7
    assert project.kept == []
    shown = str(caught.value) + json.dumps(caught.value.report)
    assert not [name for name in MADE_HERE if OLD[name].reveal() in shown]


def test_an_account_that_is_not_there_is_said(fleet):
    fleet.answers["set_account_password"] = {"changed": False}
    with pytest.raises(VerificationError, match="new values are in force, but no account of admin@"):
        settle(fleet.run, Keeping(fleet.inventory))


def test_nothing_to_settle_asks_nobody(fleet):
    run = Run(fleet.inventory, OLD, fleet.run.conversations, fleet.run.reporter)
    assert settle(run, Keeping(fleet.inventory)) == []
    assert fleet.asked == []
