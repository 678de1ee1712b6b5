"""Backups on the lab: stores that were destroyed come back, and a bad set never takes a good one's place."""

from __future__ import annotations

import hashlib
import json
import shlex
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.command import clickhouse, gateway, http, lab, on_host, secret
from tests.lab.test_keys import settled

pytestmark = pytest.mark.usefixtures("deployed")

ROOT = "/opt/helicone/lab"
REPOSITORY = "/var/backups/helicone-lab"
OTHER_KEY = "sk-helicone-zzzzzzz-yyyyyyy-xxxxxxx-wwwwwww"
CONTAINER = (
    "docker ps -q --filter label=com.docker.compose.project=helicone-lab --filter label=com.docker.compose.service"
)


def ask(host: str, key: str) -> tuple[str, int]:
    """Send a completion with a Helicone key; return its id and the status."""
    identifier = str(uuid.uuid4())
    status, _, _ = http(
        "POST", f"{gateway(host)}/chat/completions",
        {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"hello {identifier}"}]},
        Authorization="Bearer sk-test", Helicone_Auth=f"Bearer {key}", Helicone_Request_Id=identifier,
    )  # fmt: skip
    return identifier, status


def recorded(identifiers: list[str], within: float = 60) -> set[str]:
    """Return which of the requests ClickHouse has, once it has all of them or the time is up."""
    names = ", ".join(f"'{identifier}'" for identifier in identifiers)
    deadline = time.monotonic() + within
    while True:
        rows = clickhouse(
            f"SELECT DISTINCT toString(request_id) FROM request_response_rmt WHERE request_id IN ({names})"
        )
        if len(rows) == len(identifiers) or time.monotonic() > deadline:
            return set(rows)
        time.sleep(0.5)


def postgres(sql: str) -> list[str]:
    """Ask the lab's PostgreSQL."""
    command = f"docker exec -i $({CONTAINER}=db) psql -qAt --username postgres --dbname helicone"
    return on_host("data1", f"printf %s {shlex.quote(sql)} | {command}").splitlines()


def nothing_waits(host: str, within: float = 60) -> None:
    """Wait until a host's recorder has seen all of its records in ClickHouse."""
    deadline = time.monotonic() + within
    while json.loads(on_host(host, f"docker exec $({CONTAINER}=recorder) python3 -B -m recorder status"))["waiting"]:
        assert time.monotonic() < deadline, f"{host}: records wait"
        time.sleep(1)


def bodies(identifiers: list[str]) -> set[str]:
    """Return which of the requests have a body in the object store."""
    listing = on_host("data1", "find /var/lib/docker/volumes/helicone-lab-object-store/_data -type f")
    return {one for one in identifiers if one in listing}


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


@contextmanager
def clients(key: str) -> Iterator[list[tuple[str, int]]]:
    """Let clients send requests without a pause for as long as the block lasts; yield what they got."""
    answers: list[tuple[str, int]] = []
    stop = threading.Event()

    def send(host: str) -> None:
        while not stop.wait(0.3):
            answers.append(ask(host, key))

    threads = [threading.Thread(target=send, args=(host,)) for host in ("app1", "app2")]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def other_key(deployed: None) -> str:
    """Make a key that only the database knows: nothing but a restore brings it back."""
    digest = hashlib.sha256(f"Bearer {OTHER_KEY}".encode()).hexdigest()
    postgres(f"delete from helicone_api_keys where api_key_hash = '{digest}'")
    postgres(
        "insert into helicone_api_keys"
        " (api_key_hash, api_key_name, user_id, organization_id, key_permissions, temp_key)"
        f" select '{digest}', 'other', user_id, organization_id, 'rw', false from helicone_api_keys limit 1"
    )
    for host in ("app1", "app2"):
        settled(200, OTHER_KEY, host)
    return OTHER_KEY


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
    with clients(other_key) as answers:
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
def test_a_backup_that_goes_wrong_is_bad_and_the_newest_proven_one_stays():
    proven = {identifier for identifier, state in sets().items() if state == "proven"}
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


def test_the_schedule_makes_a_set_without_a_controller():
    line = on_host("data1", "tail -n 1 /etc/cron.d/helicone-lab-backup").split()
    assert line[:6] == ["30", "03", "*", "*", "*", "root"]
    before = set(sets())
    on_host("data1", " ".join(line[6:]))
    (made,) = set(sets()) - before
    entry = json.loads(on_host("data1", f"grep '\"backup\"' {ROOT}/state/backups.jsonl | tail -n 1"))
    assert (entry["set"], entry["by"], entry["outcome"]) == (made, "schedule", "good")
    assert "backup" not in lab("verify").out
