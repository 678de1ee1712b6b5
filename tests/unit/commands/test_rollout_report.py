"""The report of a deploy, whichever way it ended, without any secret."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from gateway.commands import rollout_report as module
from gateway.commands.rollout_report import reported
from gateway.console import Step
from gateway.errors import ConfigurationError, HostFailure, InDoubtError, RolledBackError
from gateway.secret import Secret
from gateway.vault import Vault
from gateway.vault_notes import Notes
from tests.unit.situations import release, running
from tests.unit.talks import project

SECRETS = {"postgres_password": "pässword with <$> 'quotes' & more", "key": "sk-helicone-abcdefg-1234567"}
PREVIOUS = "the-key-of-before"  # replaced, and perhaps still valid
OLD = "hunter22"  # of the release that runs, and in no vault any more
FORMS = [
    form
    for secret in SECRETS.values()
    for form in (
        secret, quote(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)[1:-1],
        base64.b64encode(secret.encode()).decode(), base64.b64encode(b"user:" + secret.encode()).decode(),
    )
]  # fmt: skip
FILTH = " | ".join([*FORMS, OLD, PREVIOUS, "Bearer abcdefghijklmnop"])


def plan(text="+ LOG_LEVEL: debug"):
    return {
        "release": "5-new", "changes": True, "operations": [],
        "hosts": {
            "app1": {
                "diffs": {"compose.yml": f"--- compose.yml\n+++ compose.yml\n@@ -1 +1 @@\n{text}"}, "altered": [text],
                "services": [{"service": "jawn", "action": "recreate", "reason": text}],
                "migrations": {"postgres": [text]},
            }
        },
    }  # fmt: skip


CHECKS = {
    "at": 20.0, "ok": False, "total": 1104, "passed": 1103, "seconds": 3.0, "hosts": {"app1": 1104},
    "notes": ["a note"], "failures": [{"host": "app1", "check": "jawn is healthy", "message": "it is <not>"}],
}  # fmt: skip


@pytest.fixture
def ours(tmp_path, monkeypatch):
    notes = Notes(previous={"helicone_api_key": Secret(PREVIOUS)})
    vault = Vault({name: Secret(text) for name, text in SECRETS.items()}, notes)
    monkeypatch.setattr(module.Project, "saved_vault", lambda _: vault)
    made = project(tmp_path, monkeypatch, {})
    made.reporter.quiet = False
    return made


def fail(ours, path, note, error):
    with reported(ours, "deploy", path) as told:
        note(told)
        raise error


def written(ours, tmp_path, note=lambda told: None, error=None):
    """Return the page of a command that does `note` and ends with `error`, if any."""
    path = tmp_path / "report.html"
    if error is None:
        with reported(ours, "deploy", path) as told:
            note(told)
    else:
        with pytest.raises(type(error)):
            fail(ours, path, note, error)
    return path.read_text()


def good(told):
    told.planned(plan(), {"app1": running(release(), "4-old")})
    told.outcome = "deployed"


def test_a_good_deploy_in_one_page(ours, tmp_path, capsys):
    ours.reporter.steps.append(Step("app1", "switch to 5-new", 14.0, 2.0))
    ours.reporter.verifications.append({**CHECKS, "ok": True, "passed": 1104, "failures": []})
    page = written(ours, tmp_path, good)
    for words in (
        "Release 5-new runs on app1, verified.", "app1 4-old", "switch to 5-new", "14.0 s", "LOG_LEVEL",
        "<b>recreate jawn</b>", "1,104 of 1,104 hold", "Deploy of trial", "invoke deploy --env trial",
    ):  # fmt: skip
        assert words in page, words
    assert "What failed" not in page
    assert "the report is in" in capsys.readouterr().err


def test_a_deploy_that_failed_has_its_report_and_ends_as_it_did(ours, tmp_path):
    error = RolledBackError(
        "the deploy failed and was undone", [HostFailure("app2", "switch", "jawn <died>", ["Error: EADDRINUSE"])],
        unaffected="every host runs 4-old again, verified", next_step="mend it",
    )  # fmt: skip
    ours.reporter.verifications += [CHECKS, {**CHECKS, "at": 33.0, "ok": True, "passed": 1104, "failures": []}]
    ours.reporter.steps += [
        Step("", "verify the new release", 3.0, 18.0),
        Step("", "verify the old release", 3.0, 30.0),
    ]
    page = written(ours, tmp_path, lambda told: told.planned(plan(), {}), error)
    for words in (
        "The deploy failed and was undone.", "every host runs 4-old again, verified", "Next: mend it", "What was to",
        "jawn &lt;died&gt;", "EADDRINUSE", "old release", "Verify the new release: 1,103 of 1,104",
        "Verify the old release: 1,104",
    ):  # fmt: skip
        assert words in page, words
    assert page.index("it is &lt;not&gt;") < page.index('<td class="number">1,104</td>')  # failures stand first


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InDoubtError("it is open", [HostFailure("app1", "switch", "lost", in_doubt=True)]), "in doubt"),
        (ConfigurationError("no disk", where="app1", next_step="make room"), "make room"),
        (KeyboardInterrupt(), "Interrupted"),
        (TypeError("broken"), "TypeError: broken"),
    ],
)
def test_whatever_ended_it_is_told(ours, tmp_path, error, words):
    assert words in written(ours, tmp_path, error=error)


@pytest.mark.parametrize(("outcome", "words"), [("no changes", "Nothing was to be"), ("not confirmed", "said yes")])
def test_nothing_done_is_told_too(ours, tmp_path, outcome, words):
    def note(told):
        told.plan = {"release": "5-new", "changes": False, "hosts": {}}
        told.outcome = outcome

    page = written(ours, tmp_path, note)
    assert words in page
    assert "<h2>" not in page


@pytest.mark.parametrize("failed", [True, False])
def test_no_secret_is_in_it_whatever_it_came_in_with(ours, tmp_path, failed):
    ours.reporter.steps.append(Step(FILTH, FILTH, 1.0))
    failures = [{"host": FILTH, "check": FILTH, "message": FILTH}]
    ours.reporter.verifications.append({**CHECKS, "failures": failures, "hosts": {FILTH: 3}, "notes": [FILTH]})

    def note(told):
        told.planned(plan(FILTH), {FILTH: running(release(), FILTH)})
        told.outcome = "deployed"

    error = RolledBackError(
        FILTH, [HostFailure(FILTH, FILTH, FILTH, [FILTH])], unaffected=FILTH, next_step=FILTH
    )  # fmt: skip
    page = written(ours, tmp_path, note, error if failed else None)
    assert page.count("[redacted]") > 20
    for form in (*FORMS, OLD, PREVIOUS, "abcdefghijklmnop", "ssword with"):
        assert form not in page, form


def test_secrets_that_cannot_be_read_are_no_reason_for_no_report(ours, tmp_path, monkeypatch):
    def closed(_):
        raise ConfigurationError("encrypted to others")

    monkeypatch.setattr(module.Project, "saved_vault", closed)
    assert "Encrypted to others" in written(ours, tmp_path, error=ConfigurationError("encrypted to others"))


def test_a_report_that_cannot_be_written_changes_nothing_else(ours, tmp_path, capsys):
    with reported(ours, "deploy", tmp_path / ("x" * 300 + ".html")) as told:
        good(told)
    assert "the report could not be written" in capsys.readouterr().err


def test_without_a_file_nothing_is_written(ours, tmp_path):
    before = sorted(tmp_path.iterdir())
    with reported(ours, "deploy", None) as told:
        good(told)
    assert sorted(tmp_path.iterdir()) == before
