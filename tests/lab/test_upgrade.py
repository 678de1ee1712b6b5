"""Upgrades: what is told beforehand, migrations that are slow or fail half-way, and versions that must not follow."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.layout import IMAGES, UPSTREAM_REPOSITORY
from tests.fault_report import Counts
from tests.lab.changing import all_free, deploy_until, edited_secrets, host_variables
from tests.lab.clients import asking
from tests.lab.command import (
    all_containers,
    clickhouse,
    complaints,
    lab,
    on_host,
    secret,
)
from tests.lab.stores import postgres

pytestmark = pytest.mark.usefixtures("deployed")

MORE = IMAGES / "migrations-next" / "more"
FIRST, SECOND = "20231001120000_next-first.sql", "20231001130000_next-second.sql"
THIRD = "schema_80_next.sql"
BROKEN = ["--set", "images.migrations=registry.lab:5000/migrations:broken"]
NEXT = ["--set", "images.migrations=registry.lab:5000/migrations:next"]
REPOSITORY = "/var/backups/helicone-lab"
PASSWORDS = ("clickhouse_password", "postgres_password")
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
        postgres(sql)
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


@pytest.fixture
def broken_on_app2() -> Iterator[None]:
    """Let app2's jawn want more processors than there are: Docker refuses that at once."""
    with host_variables("app2", "jawn: {cpus: 512}\n"):
        yield


def not_once(sent: list[tuple[str, int]]) -> dict[str, int]:
    """Return how often ClickHouse has the requests that it does not have once, when it has had the time to."""
    listed = ", ".join(f"'{identifier}'" for identifier, _ in sent)
    sql = f"SELECT toString(request_id), count() FROM request_response_rmt WHERE request_id IN ({listed}) GROUP BY 1"
    deadline = time.monotonic() + 120
    while True:
        counts = {identifier: 0 for identifier, _ in sent}
        counts |= {identifier: int(count) for identifier, count in (row.split("\t") for row in clickhouse(sql))}
        wrong = {identifier: count for identifier, count in counts.items() if count != 1}
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(0.5)


def check(sent: list[tuple[str, int]], injected: Counts) -> None:
    """Assert that every request was answered with 200 and is in ClickHouse once."""
    failed, wrong = [one for one in sent if one[1] != 200], not_once(sent)
    injected(times=1, failed_requests=len(failed), lost_records=len(wrong))
    assert failed == []
    assert wrong == {}


def content(sent: list[tuple[str, int]]) -> list[str]:
    """Return what the stores hold of users, organizations, keys and of some requests, whole rows hashed."""
    tables = ('public."user"', "public.organization", "public.organization_member", "public.helicone_api_keys")
    hashed = "select count(*), md5(string_agg(t::text, ',' order by t::text)) from {} t"
    found = [line for name in tables for line in postgres(hashed.format(name))]
    listed = ", ".join(f"'{identifier}'" for identifier, _ in sent)
    rows = (
        f"SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM request_response_rmt WHERE request_id IN ({listed})"
    )
    return found + clickhouse(rows)


@pytest.fixture(scope="module")
def recorded(deployed: None) -> list[tuple[str, int]]:
    """Return requests that were recorded before any upgrade."""
    with asking(secret("helicone_api_key")) as sent:
        time.sleep(3)
    assert not_once(sent) == {}
    return sent


def ledger() -> set[str]:
    """Return which of the newer version's migrations the ledgers show."""
    rows = postgres("select script from flyway_schema_history")
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


@pytest.fixture
def repository_in_the_way() -> Iterator[None]:
    """Put a file where the folder of the sets is."""
    on_host("data1", f"mkdir -p {REPOSITORY}; mv {REPOSITORY} {REPOSITORY}.kept; touch {REPOSITORY}")
    yield
    on_host("data1", f"rm {REPOSITORY}; mv {REPOSITORY}.kept {REPOSITORY}")


@pytest.mark.fault("F17")
@pytest.mark.usefixtures("repository_in_the_way")
def test_without_its_backup_an_upgrade_is_refused_before_any_host_is_touched(newer: list[str]):
    before = all_containers()
    result = lab("deploy", "--yes", *newer, *BROKEN)
    assert result.code == 2, result.text
    assert f"could not be made: {REPOSITORY} cannot be made: File exists" in result.err
    assert "invoke backup --env lab" in result.err
    assert all_containers() == before
    assert ledger() == set()
    result = lab("deploy", "--yes", *newer, *BROKEN, "--set", "backup.enabled=false")
    assert result.code == 2, result.text
    assert "backup.enabled is false" in result.err
    assert "migrations.backup: false" in result.err


@pytest.mark.fault("F16")
def test_a_migration_that_fails_half_way_is_undone_with_its_data(
    newer: list[str], recorded: list[tuple[str, int]], injected: Counts
):
    before, release = content(recorded), lab("status", "--json").data()["hosts"]["data1"]["release"]
    with asking(secret("helicone_api_key")) as sent:
        result = lab("deploy", "--yes", *newer, *BROKEN)
    assert result.code == 5, result.text
    assert "2 PostgreSQL and 1 ClickHouse migrations will run; there is no way back" in result.out
    assert "a backup is taken before them" in result.out
    made = lab("backups", "--json").data()["sets"][-1]
    assert made["state"] == "proven"
    assert (
        f"every host runs {release} again, verified; 1 PostgreSQL migrations had been applied ({FIRST})" in result.err
    )
    assert f"the stores hold again what set {made['id']} has" in result.err
    assert "division by zero" in result.err  # the last lines of the program
    assert ledger() == set()
    assert postgres("select to_regclass('public.lab_next') is null") == ["t"]
    assert content(recorded) == before
    check(sent, injected)
    assert {host["state"] for host in lab("status", "--json").data()["hosts"].values()} == {"ok"}
    last = lab("history", "--json").data()["history"][-1]
    assert (last["outcome"], last["command"]) == ("failed", "deploy")


@pytest.mark.fault("F3", "F16")
@pytest.mark.long
def test_a_controller_that_dies_in_an_upgrade_leaves_its_set_to_be_restored(
    newer: list[str], recorded: list[tuple[str, int]], injected: Counts
):
    before = content(recorded)
    with asking(secret("helicone_api_key")) as sent:
        deploy_until(("migrate: 2 PostgreSQL",), *newer, *BROKEN)
        all_free()
        assert "an upgrade was cut off and has failed, 1 of its migrations are applied" in lab("status").out
        stopped = lab("deploy", "--yes")
        assert stopped.code == 2, stopped.text
        made = lab("backups", "--json").data()["sets"][-1]["id"]
        assert f"invoke restore --env lab --from {made}" in stopped.err
        result = lab("restore", "--from", made, "--yes")
        assert result.code == 0, result.text
    assert ledger() == set()
    assert content(recorded) == before
    check(sent, injected)
    status = lab("status", "--json").data()["hosts"]
    assert {(host["state"], host["backups"]["upgrade"]) for host in status.values()} == {("ok", None)}


@pytest.mark.fault("F8", "F16")
@pytest.mark.long
@pytest.mark.usefixtures("broken_on_app2")
def test_migrations_that_went_well_are_undone_too_when_a_service_did_not(
    newer: list[str], recorded: list[tuple[str, int]], tmp_path: Path, injected: Counts
):
    """The deploy brings new passwords as well, and app1 delivers with its new jawn until app2 fails."""
    before = content(recorded)
    with asking(secret("helicone_api_key")) as sent, edited_secrets(tmp_path, *PASSWORDS):
        result = lab("deploy", "--yes", *newer, *NEXT)
    assert result.code == 5, result.text
    assert "2 PostgreSQL and 1 ClickHouse migrations had been applied" in result.err
    assert ledger() == set()
    assert content(recorded) == before
    check(sent, injected)
    assert {host["state"] for host in lab("status", "--json").data()["hosts"].values()} == {"ok"}
    assert complaints() == []


@pytest.mark.fault("F16")
@pytest.mark.long
@pytest.mark.usefixtures("forgotten", "back_to_the_labs_version")
def test_a_migration_that_outlasts_the_health_timeout_is_waited_for_and_there_is_no_way_back(
    newer: list[str], recorded: list[tuple[str, int]], tmp_path: Path, injected: Counts
):
    slow = ["--set", "images.migrations=registry.lab:5000/migrations:slow", "--set", "deploy.health_timeout=25"]
    with edited_secrets(tmp_path, *PASSWORDS):
        with asking(secret("helicone_api_key")) as sent:
            result = lab("deploy", "--yes", *newer, *slow)  # the migrations take 26 seconds
        assert result.code == 0, result.text
        assert ledger() == {FIRST, SECOND, THIRD}
        check(recorded + sent, injected)
        again = lab("deploy", "--yes", *newer, *slow)
        assert "no changes" in again.out, again.text
        assert [host["backups"]["upgrade"] for host in lab("status", "--json").data()["hosts"].values()] == [None] * 3
        for older in (lab("rollback", "--yes"), lab("deploy", "--yes")):
            assert older.code == 2, older.text
            assert "migrated beyond this release" in older.err
            assert f"migrations.compatible: [{FIRST}, {SECOND}]" in older.err


@pytest.mark.fault("F18")
@pytest.mark.usefixtures("back_to_the_labs_version")
def test_a_skipped_hard_stop_is_refused_with_the_next_allowed_version(upstream: str):
    old = ["--set", f"upstream.repo={upstream}", "--set", "upstream.ref=august"]
    result = lab("deploy", "--yes", *old)
    assert result.code == 0, result.text
    before = all_containers()
    for verb in (["plan"], ["deploy", "--yes"]):
        skipped = lab(*verb)
        assert skipped.code == 2, skipped.text
        assert "legacy-tables" in skipped.err
        assert STOP_AT in skipped.err
    checked = lab("upgrade.check", "--ref", "next", *old)
    assert checked.code == 7, checked.text
    assert STOP_AT in checked.out
    assert all_containers() == before
