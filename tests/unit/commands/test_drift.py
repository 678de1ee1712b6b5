"""What differs from the release."""

from __future__ import annotations

import pytest

from gateway.commands.drift import differences, drift
from gateway.errors import UnreachableError, VerificationError
from tests.unit.situations import bare, container, entry, release, running, service
from tests.unit.talks import Talk, project

RELEASE = release(service("jawn"), service("web"))
MODES = {".env": "600 0", "compose.override.yml": "644 0"}
TEXTS = {name: file.content.decode() for name, file in RELEASE.files.items()}
DEPLOY = "invoke deploy --env trial"


def found(seen):
    return [(one.kind, one.name, one.found, one.mend) for one in differences("app1", seen, "trial")]


@pytest.mark.parametrize(
    ("seen", "difference"),
    [
        (bare(), ("release", "-", "there is none of this environment", DEPLOY)),
        (running(RELEASE, manifest=None), ("release", "1-aaaaaaaaaaaa", "its manifest cannot be read", DEPLOY)),
        (
            running(RELEASE, interrupted={"step": "switching"}),
            ("release", "1-aaaaaaaaaaaa", "a switch was cut off and nobody finishes it", DEPLOY),
        ),
        (
            running(RELEASE, history=[entry("1-aaaaaaaaaaaa", "failed")]),
            ("release", "1-aaaaaaaaaaaa", "it was never verified", DEPLOY),
        ),
        (running(RELEASE, contents={**TEXTS, ".env": "PORT=1\n"}), ("file", ".env", "edited", DEPLOY)),
        (running(RELEASE, contents={**TEXTS, ".env": None}), ("file", ".env", "missing", DEPLOY)),
        (
            running(RELEASE, modes={**MODES, ".env": "644 0"}),
            ("file", ".env", "mode and owner are 644 0, not 600 0", DEPLOY),
        ),
        (
            running(RELEASE, strayed=["/etc/init.d/helicone-trial"]),
            ("file", "/etc/init.d/helicone-trial", "edited or removed", DEPLOY),
        ),
        (running(RELEASE, containers=[container("jawn")]), ("container", "web", "missing", DEPLOY)),
        (
            running(RELEASE, containers=[container("jawn", image="jawn:mine"), container("web")]),
            ("container", "jawn", "it runs another image: jawn:mine", DEPLOY),
        ),
        (
            running(RELEASE, containers=[container("jawn", misread=["jawn/x"]), container("web")]),
            ("container", "jawn", "it reads an edited jawn/x", DEPLOY),
        ),
        (
            running(RELEASE, containers=[container("jawn", state="exited"), container("web")]),
            ("container", "jawn", "it is exited", DEPLOY),
        ),
        (
            running(RELEASE, containers=[container("jawn"), container("web"), container("old")]),
            ("container", "old", "no part of the release", DEPLOY),
        ),
        (
            running(RELEASE, foreign_containers=["debug"]),
            ("container", "debug", "no release made it", "on app1: docker rm --force debug"),
        ),
    ],
)
def test_each_difference_is_named_with_what_mends_it(seen, difference):
    assert found(seen) == [difference]


def test_a_host_as_it_should_be_has_none():
    assert found(running(RELEASE)) == []


def test_a_release_that_is_being_deployed_is_not_called_unverified():
    assert found(running(RELEASE, history=[], lease={"command": "deploy"})) == []


@pytest.fixture
def talks():
    return {name: Talk({"snapshot": running(RELEASE)}) for name in ("app1", "app2", "data1")}


def test_no_drift_is_a_line_and_code_0(tmp_path, monkeypatch, talks, capsys):
    result = drift(project(tmp_path, monkeypatch, talks).inventory, as_json=False)
    assert result["drift"] == []
    assert capsys.readouterr().out.startswith("no drift: app1 (1-aaaaaaaaaaaa), ")


def test_a_firewall_that_was_taken_away_by_hand_is_drift():
    seen = running(RELEASE)
    files = {**seen["manifest"]["files"], "guard/firewall.nft": {"sha256": "ab", "mode": "600"}}
    seen["manifest"] = {**seen["manifest"], "files": files}
    seen["contents"]["guard/firewall.nft"] = None
    assert ("guard", "-", "a deploy would load the firewall", DEPLOY) in found(seen)


def test_drift_ends_with_code_7_and_is_in_the_report(tmp_path, monkeypatch, talks, capsys):
    talks["app2"].answers["snapshot"] = running(RELEASE, contents={**TEXTS, ".env": "PORT=1\n"})
    with pytest.raises(VerificationError, match="1 difference on app2") as caught:
        drift(project(tmp_path, monkeypatch, talks).inventory, as_json=False)
    assert caught.value.exit_code == 7
    assert caught.value.report["drift"] == [
        {"host": "app2", "kind": "file", "name": ".env", "found": "edited", "mend": DEPLOY}
    ]
    assert DEPLOY in capsys.readouterr().out


def test_a_host_on_an_older_release_than_the_others_is_named(tmp_path, monkeypatch, talks):
    talks["data1"].answers["snapshot"] = running(RELEASE, "12-cccccccccccc")
    talks["app1"].answers["snapshot"] = running(RELEASE, "12-cccccccccccc")
    with pytest.raises(VerificationError) as caught:
        drift(project(tmp_path, monkeypatch, talks).inventory, as_json=True)
    assert [(one["host"], one["found"]) for one in caught.value.report["drift"]] == [
        ("app2", "other hosts run 12-cccccccccccc")
    ]


def test_a_host_that_does_not_answer_is_code_3_and_the_others_are_shown(tmp_path, monkeypatch, talks, capsys):
    del talks["app1"]
    talks["data1"].answers["snapshot"] = running(RELEASE, foreign_containers=["debug"])
    with pytest.raises(UnreachableError, match="differences on the others: 1") as caught:
        drift(project(tmp_path, monkeypatch, talks).inventory, as_json=False)
    assert caught.value.report["unreachable"] == ["app1"]
    shown = capsys.readouterr().out
    assert "debug" in shown
    assert "timed out" in shown
