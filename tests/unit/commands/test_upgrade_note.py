"""An upgrade that was cut off: which releases may follow, and how it is settled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.commands.upgrade_note import cut_off, half_done, refuse_half_upgraded, settle_note
from gateway.console import Reporter
from gateway.errors import ConfigurationError
from gateway.transport.conversation import AgentError
from tests.unit.fake_fleet import Fleet
from tests.unit.situations import bare, load


def observed(applied=("2_b.sql",), current="1-old"):
    note = {"set": "S0", "made": 1.0, "release": "1-old", "missing": {}, "applied": list(applied)}
    data = {**bare(), "current": current, "backups": {**bare()["backups"], "upgrade": note}}
    return {"app1": bare(), "data1": data}


def manifests(*files):
    migrations = {"postgres": {"files": list(files)}, "clickhouse": {"files": []}}
    return {"app1": {"migrations": None}, "data1": {"migrations": migrations}}


def test_a_release_that_does_not_know_what_was_applied_is_refused():
    with pytest.raises(ConfigurationError, match=r"1 of its migrations had been applied \(2_b.sql\)") as caught:
        refuse_half_upgraded(observed(), [], manifests("1_a.sql"), "trial")
    assert "invoke restore --env trial --from S0" in caught.value.next_step


@pytest.mark.parametrize(
    ("seen", "harmless", "files"),
    [
        (observed(), [], ["1_a.sql", "2_b.sql"]),  # it goes on with the upgrade
        (observed(), ["2_b.sql"], ["1_a.sql"]),
        (observed(applied=()), [], ["1_a.sql"]),
        (observed(current="2-new"), [], ["1_a.sql"]),  # all of them were applied: `refuse_newer_schema` is about that
        ({"data1": bare()}, [], ["1_a.sql"]),
    ],
)
def test_others_may_follow(seen, harmless, files):
    refuse_half_upgraded(seen, harmless, manifests(*files), "trial")


def test_the_note_is_found_on_whichever_host_has_it():
    assert cut_off({"data1": bare()}) is None
    assert cut_off(observed())["set"] == "S0"
    assert half_done(observed(), []) == ["2_b.sql"]


def test_a_power_cut_in_the_migrations_leaves_them_half_done_whatever_release_is_the_current_one():
    seen = observed(current="2-new")
    assert half_done(seen, []) == []
    seen["data1"]["interrupted"] = {"step": "switching", "release": "2-new", "previous": "1-old"}
    assert half_done(seen, []) == ["2_b.sql"]
    with pytest.raises(ConfigurationError, match="an upgrade was cut off"):
        refuse_half_upgraded(seen, [], manifests("1_a.sql"), "trial")


def test_records_are_delivered_again_and_what_was_lost_is_said(tmp_path, capsys):
    fleet = Fleet(load(tmp_path))
    fleet.answers["app1", "tell_recorder"] = {"again": 2, "left_out": 0}
    fleet.answers["app2", "tell_recorder"] = {"again": 3, "left_out": 4}
    assert settle_note(replace(fleet.run, reporter=Reporter())) == 5
    assert fleet.asked[-1][:2] == ("data1", "end_upgrade")
    assert "4 records that were delivered since the backup found no room" in capsys.readouterr().err


def test_the_note_stays_until_every_recorder_was_told(tmp_path, capsys):
    """Or nobody would ever say `again` to the one that was away, and the next upgrade lets go of what it keeps."""
    fleet = Fleet(load(tmp_path))
    fleet.answers["app1", "tell_recorder"] = {"again": 2}
    fleet.answers["app2", "tell_recorder"] = AgentError("app2", {"step": "recorder", "message": "no container"})
    assert settle_note(replace(fleet.run, reporter=Reporter())) == 2
    assert "no container" in capsys.readouterr().err
    limited = {name: one for name, one in fleet.run.conversations.items() if name != "app2"}
    assert settle_note(replace(fleet.run, conversations=limited)) == 2
    assert "end_upgrade" not in {verb for _, verb, _ in fleet.asked}
