"""New secrets under load: no request fails, every record arrives, the old values are refused; and what breaks in it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from gateway.rotation import ROTATABLE
from tests.lab.changing import edited_secrets, host_variables
from tests.lab.clients import settled
from tests.lab.command import (
    ROOT,
    arguments,
    authorities,
    clickhouse,
    complaints,
    gateway,
    lab,
    secret,
)
from tests.lab.load import failures, start, stored
from tests.lab.processes import command_lines

pytestmark = pytest.mark.usefixtures("as_found")

HOSTS = ("app1", "app2")
RATE = float(os.environ.get("LAB_RATE", "25"))
MADE_HERE = sorted(ROTATABLE - {"provider_api_key"})


def is_let_in(password: str) -> bool:
    """Tell whether ClickHouse takes a password of its main user."""
    try:
        return clickhouse("SELECT 1", password) == ["1"]
    except subprocess.CalledProcessError:
        return False


@pytest.mark.long
def test_every_secret_is_replaced_under_load_and_no_request_fails(clients_key):
    old = {name: secret(name) for name in MADE_HERE}
    assert is_let_in(old["clickhouse_password"])
    load = start([gateway(host) for host in HOSTS], clients_key, authorities(), RATE)
    try:
        time.sleep(2)
        result = lab("secrets.rotate", "--all", "--revoke", "--yes", "--json")
        time.sleep(2)
    finally:
        sent = load.end()
    assert result.code == 0, result.text
    assert [name for name in MADE_HERE if secret(name) == old[name]] == []
    outcomes = {(one["secret"], one["where"]): one["outcome"] for one in result.data()["old_values"]}
    assert {outcome for (name, _), outcome in outcomes.items() if name != "fingerprint_key"} == {"refused"}
    assert {name for name, _ in outcomes} == set(MADE_HERE)
    assert failures(sent) == []
    assert len(sent) > 10 * RATE
    assert not is_let_in(old["clickhouse_password"])
    assert max(settled(401, old["helicone_api_key"], host)[0] for host in HOSTS) < 10
    rows = stored(sent, 120)
    assert [one.id for one in sent if rows.get(one.id, (0, 0))[0] != 1] == []
    assert not [value for value in [*old.values(), *map(secret, MADE_HERE)] if value in result.text]
    refused = lab("rollback", "--yes")
    assert refused.code == 2, refused.text
    assert "going back makes the old ones valid again" in refused.err
    assert "no changes" in lab("deploy", "--yes").out


@pytest.mark.long
def test_a_killed_rotation_is_finished_by_the_next_deploy():
    before = {name: secret(name) for name in ("postgres_password", "clickhouse_password")}
    command = ["secrets.rotate", "--env", "lab", "--name", ",".join(before), "--yes"]
    process = subprocess.Popen(
        arguments(*command), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "app1" in line and "switch to" in line:  # the data host has switched already
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert "a rotation of" in lab("status").out
    with command_lines() as seen:
        result = lab("deploy", "--yes")
    assert result.code == 0, result.text
    known = [*before.values(), *(secret(name) for name in MADE_HERE)]
    assert not [line for line in [result.text, *seen] if any(value in line for value in known)]
    assert [name for name, value in before.items() if secret(name) == value] == []
    assert not is_let_in(before["clickhouse_password"])
    assert "a rotation of" not in lab("status").out
    assert complaints() == []


@pytest.fixture
def edited_and_broken_on_app2(as_found: None, tmp_path) -> Iterator[None]:
    """Change two passwords in the editor, and let app2's jawn want more processors than there are.

    Docker refuses that at once. Both are as before afterwards.
    """
    with (
        edited_secrets(tmp_path, "postgres_password", "gateway_stores_password"),
        host_variables("app2", "jawn: {cpus: 512}\n"),
    ):
        yield


@pytest.mark.long
@pytest.mark.usefixtures("edited_and_broken_on_app2")
def test_a_deploy_that_fails_with_new_passwords_brings_the_old_ones_back():
    """data1 and app1 were on the new ones already when app2 failed."""
    result = lab("deploy", "--yes")
    assert result.code == 5, result.text
    assert {host["state"] for host in lab("status", "--json").data()["hosts"].values()} == {"ok"}
    assert complaints() == []
