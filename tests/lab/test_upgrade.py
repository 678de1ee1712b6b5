"""Upgrades: what is told beforehand, migrations that are slow or fail half-way, and versions that must not follow."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.layout import IMAGES, UPSTREAM_REPOSITORY
from tests.lab.command import all_containers, clickhouse, gateway, http, lab, on_host, secret

pytestmark = pytest.mark.usefixtures("deployed")

MORE = IMAGES / "migrations-next" / "more"
FIRST, SECOND = "20231001120000_next-first.sql", "20231001130000_next-second.sql"
THIRD = "schema_80_next.sql"
STOP_AT = "89e75347e35e2bb6cb8911244d294b82be6afe9b"  # what roles/app/eras.yml says may follow


@pytest.fixture(scope="module")
def upstream(deployed: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a repository with the lab's version, a newer one (`next`) and one of August 2025 (`august`)."""
    folder = tmp_path_factory.mktemp("upstream") / "work"

    def git(*words: str, date: str = "2026-08-01T00:00:00Z") -> None:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        environment = {**os.environ, "GIT_COMMITTER_DATE": date}
        subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, env=environment)

    subprocess.run(["git", "clone", "--quiet", str(UPSTREAM_REPOSITORY), str(folder)], check=True)
    git("commit", "--allow-empty", "-qm", "as it was in August", date="2025-08-11T00:00:00Z")
    git("tag", "august")
    shutil.copytree(MORE, folder, dirs_exist_ok=True)
    compose = folder / "docker" / "docker-compose.yml"
    git("add", "-A")
    git("commit", "-qm", "three migrations more")
    git("tag", "next")
    compose.write_text(compose.read_text().replace("  BETTER_AUTH_SECRET:", "  BRAND_NEW: x\n  BETTER_AUTH_SECRET:"))
    git("commit", "-qam", "a variable more")
    git("tag", "unset")
    return str(folder)


@pytest.fixture(scope="module")
def forgotten(deployed: None) -> Iterator[None]:
    """Take the newer version's migrations out of the stores again."""
    yield
    for sql in (
        "drop table if exists public.lab_next",
        f"delete from flyway_schema_history where script in ('{FIRST}', '{SECOND}')",
    ):
        on_host("data1", f'docker exec helicone-lab-db-1 psql -U postgres -d helicone -c "{sql}"')
    clickhouse(f"ALTER TABLE default.helicone_migrations DELETE WHERE migration_name = '{THIRD}'")


@pytest.fixture
def newer(upstream: str) -> list[str]:
    """Return the settings that make the newer version the wanted one."""
    return ["--set", f"upstream.repo={upstream}", "--set", "upstream.ref=next"]


@pytest.fixture
def back_to_the_labs_version(deployed: None) -> Iterator[None]:
    """Deploy the inventory again; what was applied is declared harmless, which in the lab it is."""
    yield
    result = lab("deploy", "--yes", "--set", f"migrations.compatible=[{FIRST}, {SECOND}, {THIRD}]",
                 "--set", "upstream.passed_stops=[legacy-tables]")  # fmt: skip
    assert result.code == 0, result.text


@contextmanager
def clients() -> Iterator[list[tuple[str, int]]]:
    """Send a request every third of a second; yield ids and statuses as they come."""
    key, stop, sent = secret("helicone_api_key"), threading.Event(), []

    def send() -> None:
        while not stop.wait(0.3):
            identifier = str(uuid.uuid4())
            status, _, _ = http(
                "POST", f"{gateway('app1')}/chat/completions",
                {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]},
                Authorization="Bearer sk-test", Helicone_Auth=f"Bearer {key}", Helicone_Request_Id=identifier,
            )  # fmt: skip
            sent.append((identifier, status))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def unrecorded(identifiers: list[str]) -> set[str]:
    """Return which requests ClickHouse does not show, once it has had the time to."""
    listed = ", ".join(f"'{identifier}'" for identifier in identifiers)
    deadline = time.monotonic() + 30
    while True:
        rows = clickhouse(f"SELECT toString(request_id) FROM request_response_rmt WHERE request_id IN ({listed})")
        missing = set(identifiers) - set(rows)
        if not missing or time.monotonic() > deadline:
            return missing
        time.sleep(0.5)


def ledger() -> set[str]:
    """Return which of the newer version's migrations the ledgers show."""
    rows = on_host(
        "data1",
        "docker exec helicone-lab-db-1 psql -U postgres -d helicone -Atc 'select script from flyway_schema_history'",
    ).split()
    rows += clickhouse("SELECT migration_name FROM default.helicone_migrations")
    return {FIRST, SECOND, THIRD} & set(rows)


def test_a_check_tells_of_new_migrations_and_a_variable_that_nobody_sets_stands_in_the_way(upstream: str):
    settings = ["--set", f"upstream.repo={upstream}", "--json"]
    result = lab("upgrade.check", "--ref", "next", *settings)
    assert result.code == 0, result.text
    assert {one["name"] for one in result.data()["changes"]} == {FIRST, SECOND, THIRD}
    result = lab("upgrade.check", "--ref", "unset", *settings)
    assert result.code == 7, result.text
    assert "BRAND_NEW" in result.data()["report"]["problems"][0]
    assert lab("upgrade.check", "--ref", "nowhere", *settings).code == 2


@pytest.mark.fault("F16")
@pytest.mark.usefixtures("forgotten")
def test_a_migration_that_fails_half_way_leaves_the_old_version_serving_and_says_what_stays(newer: list[str]):
    before, release = all_containers(), lab("status", "--json").data()["hosts"]["data1"]["release"]
    with clients() as sent:
        result = lab("deploy", "--yes", *newer, "--set", "images.migrations=registry.lab:5000/migrations:broken")
    assert result.code == 5, result.text
    assert "2 PostgreSQL and 1 ClickHouse migrations will run; there is no way back" in result.out
    assert (
        f"every host runs {release} again, verified; 1 PostgreSQL migrations were applied and stay ({FIRST})"
        in result.err
    )
    assert f"2 migrations are not in the ledgers, the first is {SECOND}" in result.out
    assert "division by zero" in result.err  # the last lines of the program
    assert ledger() == {FIRST}
    assert {status for _, status in sent} == {200}
    assert all_containers() == before  # nothing of the old version was restarted
    assert {host["state"] for host in lab("status", "--json").data()["hosts"].values()} == {"ok"}
    assert unrecorded([identifier for identifier, _ in sent]) == set()
    last = lab("history", "--json").data()["history"][-1]
    assert (last["outcome"], last["command"]) == ("failed", "deploy")


@pytest.mark.fault("F16")
@pytest.mark.usefixtures("forgotten", "back_to_the_labs_version")
def test_a_migration_that_outlasts_the_health_timeout_is_waited_for_and_there_is_no_way_back(newer: list[str]):
    image = ["--set", "images.migrations=registry.lab:5000/migrations:next"]
    result = lab("deploy", "--yes", *newer, *image, "--set", "deploy.health_timeout=7")  # the migrations take 8
    assert result.code == 0, result.text
    assert ledger() == {FIRST, SECOND, THIRD}
    again = lab("deploy", "--yes", *newer, *image, "--set", "deploy.health_timeout=7")
    assert "no changes" in again.out, again.text
    for refused in (lab("rollback", "--yes"), lab("deploy", "--yes")):
        assert refused.code == 2, refused.text
        assert "migrated beyond this release" in refused.err
        assert f"migrations.compatible: [{FIRST}, {SECOND}]" in refused.err


@pytest.mark.fault("F18")
@pytest.mark.usefixtures("back_to_the_labs_version")
def test_a_skipped_hard_stop_is_refused_with_the_next_allowed_version(upstream: str):
    old = ["--set", f"upstream.repo={upstream}", "--set", "upstream.ref=august"]
    result = lab("deploy", "--yes", *old)
    assert result.code == 0, result.text
    before = all_containers()
    for verb in (["plan"], ["deploy", "--yes"]):
        refused = lab(*verb)
        assert refused.code == 2, refused.text
        assert "legacy-tables" in refused.err
        assert STOP_AT in refused.err
    checked = lab("upgrade.check", "--ref", "next", *old)
    assert checked.code == 7, checked.text
    assert STOP_AT in checked.out
    assert all_containers() == before
