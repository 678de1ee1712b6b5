"""Runbooks of services: the thing is broken, looks as the page says, and is over once its commands were typed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lab.layout import IMAGES, UPSTREAM_REPOSITORY
from tests.lab.clients import HOSTS, send
from tests.lab.command import lab, on_host
from tests.lab.following import follow, looks, over
from tests.lab.runbook import TYPED
from tests.lab.stores import CONTAINER, postgres, recorded
from tests.lab.test_backup import backup

pytestmark = pytest.mark.usefixtures("operators_machine")


def stop(host: str, service: str) -> None:
    """Stop a service as somebody does by mistake: Docker leaves it stopped."""
    on_host(host, f"docker stop -t 2 $({CONTAINER}={service})")


def test_a_gateway_that_somebody_stopped():
    stop("app1", "gateway")
    looks("gateway-unreachable")
    with pytest.raises(OSError, match="refused"):
        send("app1")
    send("app2")  # the other one goes on
    result = follow("gateway-unreachable", TYPED, HOST="app1")
    assert "start" in result.out
    follow("gateway-unreachable", "If the gateway runs and still nobody gets in", HOST="app1")
    over("gateway-unreachable")


@pytest.mark.fault("F7")
@pytest.mark.long
def test_a_gateway_whose_docker_is_down():
    send("app2")
    stop("app2", "gateway")  # Docker, killed by its init script, would wait at its start for the gateway to drain
    on_host("app2", "service docker stop")
    try:
        send("app1")
        refused = lab("deploy", "--yes", "--set", "docker.install=false")
        assert refused.code == 2, refused.text
        assert "app2: preflight: no Docker Engine answers" in refused.text
        follow("gateway-unreachable", "If Docker does not run on the host", HOST="app2")
    finally:
        on_host("app2", "service docker start", check=False)
    send("app2")
    over("gateway-unreachable")


@pytest.mark.long
def test_requests_that_jawn_does_not_take():
    for host in HOSTS:
        stop(host, "jawn")
    sent = [send(host) for host in HOSTS]  # answered all the same
    looks("requests-not-in-the-ui")
    follow("requests-not-in-the-ui", TYPED)
    assert recorded(sent) == set(sent)
    follow("requests-not-in-the-ui", "If status says that every record is in Helicone")
    over("requests-not-in-the-ui")


@pytest.mark.long
def test_a_web_that_knows_nothing_of_being_self_hosted():
    script = (
        "import json, subprocess\n"
        "run = lambda *words: subprocess.run(words, check=True, capture_output=True, text=True).stdout\n"
        "(made,) = json.loads(run('docker', 'inspect', 'helicone-lab-web-1'))\n"
        "config, host = made['Config'], made['HostConfig']\n"
        "words = ['docker', 'run', '--detach', '--name', 'helicone-lab-web-1', '--restart', 'unless-stopped']\n"
        "for name, value in config['Labels'].items():\n"
        "    if name.startswith('com.docker.compose.') and not name.endswith('.config-hash'):\n"
        "        words += ['--label', f'{name}={value}']\n"
        "for one in config['Env']:\n"
        "    if not one.startswith(('NEXT_PUBLIC_IS_ON_PREM=', 'NEXT_PUBLIC_APP_URL=', 'APP_URL=')):\n"
        "        words += ['--env', one]\n"
        "for inside, places in (host['PortBindings'] or {}).items():\n"
        "    for place in places:\n"
        "        words += ['--publish', '%s:%s:%s' % (place['HostIp'], place['HostPort'], inside)]\n"
        "words += ['--network', host['NetworkMode'], '--network-alias', 'web', config['Image'], *config['Cmd']]\n"
        "run('docker', 'rm', '--force', 'helicone-lab-web-1')\n"
        "run(*words)\n"
    )
    on_host("app1", f"python3 -c {shlex.quote(script)}")
    time.sleep(2)
    looks("ui-redirects")
    send("app1")
    follow("ui-redirects", TYPED)
    follow("ui-redirects", "If the address is another one of yours", HOST="app1")
    over("ui-redirects")


@pytest.mark.long
def test_a_disk_without_room():
    """The environment's folder on the data host lies on a small disk of its own, with a forgotten file on it."""
    folder = "/opt/helicone/lab"
    small = "mkdir -p /tmp/small && mount -t tmpfs -o size=1100m tmpfs /tmp/small"
    on_host("data1", f"{small} && cp -a {folder}/. /tmp/small && mount --bind /tmp/small {folder}")
    on_host("data1", f"head -c 200M /dev/zero >{folder}/forgotten.sql")
    try:
        looks("disk-full")
        send("app1")
        follow("disk-full", TYPED, HOST="data1", FILE=f"{folder}/forgotten.sql")
        follow("disk-full", "If it is the data itself", HOST="data1")
        over("disk-full")
    finally:
        # What was written and removed meanwhile stays so.
        gone = f"cd {folder}/releases && for one in *; do [ -e /tmp/small/releases/$one ] || rm -rf $one; done"
        on_host("data1", f"rm -f {folder}/forgotten.sql; umount {folder}; {gone}; cp -a /tmp/small/. {folder}")
        on_host("data1", "umount -l /tmp/small")


@pytest.mark.long
def test_a_postgresql_that_is_down():
    stop("data1", "db")
    looks("postgres-down")
    sent = [send(host) for host in HOSTS]
    follow("postgres-down", TYPED)
    over("postgres-down")
    assert recorded(sent) == set(sent)


@pytest.mark.long
def test_a_clickhouse_that_is_down():
    stop("data1", "clickhouse")
    looks("clickhouse-down")
    sent = [send(host) for host in HOSTS]
    follow("clickhouse-down", TYPED)
    over("clickhouse-down")
    assert recorded(sent) == set(sent)


@pytest.fixture
def upstream(tmp_path: Path) -> list[str]:
    """Return the settings of a version with migrations more, whose image fails at the second of them."""
    folder = tmp_path / "upstream"
    git = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.com",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run(["git", "clone", "--quiet", str(UPSTREAM_REPOSITORY), str(folder)], check=True)
    shutil.copytree(IMAGES / "migrations-next" / "more", folder, dirs_exist_ok=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "migrations more"], check=True)
    subprocess.run([*git, "tag", "next"], check=True)
    wanted = (f"upstream.repo={folder}", "upstream.ref=next", "images.migrations=registry.lab:5000/migrations:broken")
    return [word for one in wanted for word in ("--set", one)]


@pytest.mark.long
def test_a_migration_that_fails_half_way_and_the_way_back_by_hand(upstream: list[str]):
    sent = send()
    assert recorded([sent]) == {sent}
    kept = backup()
    failed = lab("deploy", "--yes", *upstream)
    assert failed.code == 5, failed.text
    looks("failed-migration", printed={"invoke deploy --env mine": failed.text})
    follow("failed-migration", TYPED)
    follow("failed-migration", "If it ended with 6, or the old version does not work with what was applied", ID=kept)
    assert postgres("select count(*) from flyway_schema_history where script like '%_next-%'") == ["0"]
    assert recorded([sent], 0) == {sent}
    over("failed-migration")
