"""Backups on the lab: stores that were destroyed come back, and a bad set never takes a good one's place."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.lab.clients import ask, asking, settled
from tests.lab.command import lab, on_host, secret
from tests.lab.stores import CONTAINER, bodies, list_key, nothing_waits, postgres, recorded

pytestmark = pytest.mark.usefixtures("deployed")

ROOT = "/opt/helicone/lab"
REPOSITORY = "/var/backups/helicone-lab"
OTHER_KEY = "sk-helicone-zzzzzzz-yyyyyyy-xxxxxxx-wwwwwww"


def sets() -> dict[str, str]:
    """Return the state of each set by its id."""
    result = lab("backups", "--json")
    assert result.code == 0, result.text
    return {one["id"]: one["state"] for one in result.data()["sets"]}


def backup() -> str:
    """Make a set and return its id."""
    result = lab("backup", "--json")
    assert result.code == 0, result.text
    return result.data()["set"]


def restic(*words: str, mounts: str = "") -> str:
    """Run restic on data1's repository as the agent does, by hand."""
    image = json.loads(on_host("data1", f"cat {ROOT}/current/backup/settings.json"))["image"]
    password = f"RESTIC_PASSWORD={secret('backup_password')}"
    return on_host(
        "data1",
        f"docker run --rm --network none --env {shlex.quote(password)} --env RESTIC_REPOSITORY=/repository"
        f" --volume {REPOSITORY}:/repository {mounts} {image} --no-cache {shlex.join(words)}",
    )


@pytest.fixture(scope="module")
def other_key(deployed: None) -> str:
    """Make a key that only the database knows: nothing but a restore brings it back."""
    list_key(OTHER_KEY, "other")
    for host in ("app1", "app2"):
        settled(200, OTHER_KEY, host)
    return OTHER_KEY


@pytest.mark.long
def test_stores_that_were_destroyed_come_back_with_all_they_held(other_key):
    before = [ask(host, other_key)[0] for host in ("app1", "app2") for _ in range(3)]
    assert recorded(before) == set(before)
    users = postgres('select id, email from "user" order by 1')
    kept = backup()
    after = [ask("app1", other_key)[0]]
    assert recorded(after) == set(after)
    nothing_waits("app1")  # or the recorder, which has not seen the row yet, would deliver it again

    on_host("data1", f"docker rm -f $({CONTAINER}=db) $({CONTAINER}=clickhouse) $({CONTAINER}=object-store)")
    on_host("data1", "docker volume rm helicone-lab-postgres helicone-lab-clickhouse helicone-lab-object-store")
    with asking(other_key) as answers:
        result = lab("restore", "--from", kept, "--yes", "--json")
    assert result.code == 0, result.text
    assert result.data()["outcome"] == "restored"

    assert {status for _, status in answers} == {200}  # no client noticed
    meanwhile = [identifier for identifier, _ in answers]
    assert recorded(meanwhile) == set(meanwhile)
    assert recorded(before, 0) == bodies(before) == set(before)
    assert recorded(after, 0) == set()  # it came after the set was made
    assert postgres('select id, email from "user" order by 1') == users
    assert ask("app2", other_key)[1] == 200
    assert {host["state"] for host in lab("status", "--json").data()["hosts"].values()} == {"ok"}
    assert lab("deploy", "--yes").out.strip().startswith("no changes")


@pytest.mark.fault("F17")
@pytest.mark.long
def test_one_altered_row_fails_the_drill_and_marks_the_set_bad(other_key):
    good, altered = backup(), backup()
    drilled = lab("drill", "--from", good, "--json")
    assert drilled.code == 0, drilled.text
    assert drilled.data()["rows"] > 300  # the migrations' ledgers alone have more

    # One letter of one user, with the checksums of the files put right: only the content can tell.
    on_host("data1", "rm -rf /tmp/altered && mkdir /tmp/altered")
    restic(
        "restore", "latest", "--tag", f"set-{altered}", "--target", "/altered", mounts="--volume /tmp/altered:/altered"
    )
    script = (
        "import hashlib, json, pathlib\n"
        "place = pathlib.Path('/tmp/altered/set')\n"
        "dump, manifest = place / 'postgres/database.sql', place / 'manifest.json'\n"
        "text = dump.read_text()\n"
        "assert 'Administrator' in text\n"
        "dump.write_text(text.replace('Administrator', 'Bdministrator', 1))\n"
        "known = json.loads(manifest.read_text())\n"
        "known['files']['postgres/database.sql'] = hashlib.sha256(dump.read_bytes()).hexdigest()\n"
        "manifest.write_text(json.dumps(known))\n"
    )
    on_host("data1", f"python3 -c {shlex.quote(script)}")
    restic("backup", "--host", "helicone-lab", "--tag", f"set-{altered}", "--tag", "proven", "/set",
           mounts="--volume /tmp/altered/set:/set")  # fmt: skip

    failed = lab("drill", "--json")
    assert failed.code == 7, failed.text
    assert "has the right number of rows, but not the same content" in failed.data()["error"]
    assert sets()[altered] == "bad"
    assert sets()[good] == "proven"
    refused = lab("restore", "--from", altered, "--yes")
    assert refused.code == 2
    assert "marked bad" in refused.err
    verified = lab("verify")
    assert verified.code == 7
    assert "the last drill failed" in verified.out
    assert on_host("data1", "docker ps -aq --filter name=drill; docker volume ls -q --filter name=drill") == ""
    assert lab("drill").code == 0
    assert "drill" not in lab("verify").out


@pytest.mark.fault("F17")
def test_a_backup_that_goes_wrong_is_bad_and_the_newest_proven_one_stays(backed_up: str):
    proven = {identifier for identifier, state in sets().items() if state == "proven"}
    assert proven
    dump = f"docker exec -u 0 $({CONTAINER}=db) sh -c"
    empty = '#!/bin/sh\n[ "$1" = -V ] && exec pg_dump.real -V\nexit 0\n'
    on_host("data1", f"{dump} 'mv /usr/lib/postgresql/17/bin/pg_dump /usr/lib/postgresql/17/bin/pg_dump.real'")
    on_host("data1", f"printf %s {shlex.quote(empty)} | docker exec -i -u 0 $({CONTAINER}=db) sh -c"
            " 'cat >/usr/lib/postgresql/17/bin/pg_dump; chmod 755 /usr/lib/postgresql/17/bin/pg_dump'")  # fmt: skip
    try:
        result = lab("backup")
    finally:
        on_host("data1", f"{dump} 'mv /usr/lib/postgresql/17/bin/pg_dump.real /usr/lib/postgresql/17/bin/pg_dump'")
    assert result.code == 5, result.text
    assert "pg_dump wrote nothing" in result.err

    kept = f"{ROOT}/state/backup/password"  # what opened the repository last, so that a new password takes over
    on_host("data1", f"cp -p {ROOT}/current/.env /tmp/env && mv {kept} /tmp/kept")
    on_host("data1", f"sed -i 's/^BACKUP_PASSWORD=.*/BACKUP_PASSWORD=other/' {ROOT}/current/.env")
    try:
        result = lab("backup")
    finally:
        on_host("data1", f"cat /tmp/env >{ROOT}/current/.env && rm /tmp/env && mv /tmp/kept {kept}")
    assert result.code == 2, result.text
    assert "backup_password does not open the repository" in result.err

    size = int(on_host("data1", f"du -sk {REPOSITORY}").split()[0]) + 64
    on_host("data1", f"mkdir -p /tmp/small && mount -t tmpfs -o size={size}k tmpfs /tmp/small"
            f" && cp -a {REPOSITORY}/. /tmp/small && mount --bind /tmp/small {REPOSITORY}")  # fmt: skip
    on_host("data1", "head -c 3000000 /dev/urandom >/var/lib/docker/volumes/helicone-lab-object-store/_data/noise")
    try:
        result = lab("backup")
    finally:
        on_host(
            "data1",
            f"rm -f /var/lib/docker/volumes/helicone-lab-object-store/_data/noise; umount {REPOSITORY} /tmp/small",
        )
    assert result.code == 5, result.text
    assert "no space left" in result.err

    assert {identifier for identifier, state in sets().items() if state == "proven"} == proven
    status = lab("status")
    assert "the last backup failed" in status.out
    assert "no space left" in status.out


@pytest.mark.long
def test_the_schedule_makes_a_set_without_a_controller():
    line = on_host("data1", "tail -n 1 /etc/cron.d/helicone-lab-backup").split()
    assert line[:6] == ["30", "03", "*", "*", "*", "root"]
    before = set(sets())
    on_host("data1", " ".join(line[6:]))
    (made,) = set(sets()) - before
    entry = json.loads(on_host("data1", f"grep '\"backup\"' {ROOT}/state/backups.jsonl | tail -n 1"))
    assert (entry["set"], entry["by"], entry["outcome"]) == (made, "schedule", "good")
    assert "backup" not in lab("verify").out
