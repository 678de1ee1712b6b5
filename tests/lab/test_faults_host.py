"""Faults of hosts that are injected on purpose: a shell that makes noise, full disks, a Docker that is old or dies."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator

import pytest

from tests.lab.command import all_containers, complaints, lab, on_host
from tests.lab.deploying import deploying, ended, settled, wait_for_line

pytestmark = pytest.mark.usefixtures("as_found_in_the_end")


@pytest.fixture
def noisy() -> Iterator[None]:
    """Make app2, where nobody logs in as root, as awkward as a shell can make it."""
    noise = "echo WELCOME; printf 'no line end'; umask 000; export LC_ALL=tr_TR.UTF-8 LANG=C; sleep 0.3"
    home = "/home/operator"
    on_host("app2", f"touch {home}/.bashrc; cp {home}/.bashrc {home}/.kept; cp /etc/motd /etc/motd.kept")
    on_host("app2", f"printf '%s\\n' \"{noise}\" | cat - {home}/.kept > {home}/.bashrc")
    on_host("app2", "yes a long motd | head -500 > /etc/motd")
    yield
    on_host("app2", f"mv {home}/.kept {home}/.bashrc; mv /etc/motd.kept /etc/motd")


@pytest.mark.fault("F20")
def test_a_host_with_a_noisy_login_works(noisy, injected):
    before = all_containers()
    assert complaints() == []
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text
    assert all_containers().keys() == before.keys()
    injected(times=2)


@pytest.mark.fault("F6")
def test_a_disk_that_fills_up_inside_the_upload_leaves_the_old_release_and_nothing_else(injected):
    before = settled()
    folder, small = "/opt/helicone/lab/releases", "/mnt/small-releases"
    on_host("app1", f"mkdir -p {small} && mount -t tmpfs -o size=$(($(du -sk {folder} | cut -f1) + 48))k,mode=700"
                    f" small {small} && cp -a {folder}/. {small}/ && mount --bind {small} {folder}")  # fmt: skip
    try:
        code, out = ended(deploying("full"))
        left = on_host("app1", f"ls -A {folder}").split()
    finally:
        on_host("app1", f"umount {folder} && umount {small} && rmdir {small}")
    assert code == 5, out
    assert "No space left on device" in out
    assert not [name for name in left if name.startswith(".")]
    assert settled() == before
    refused = lab("deploy", "--yes", "--set", "preflight.disk_free_gb=100000", "--set", "jawn.environment.LAB_MARK=x")
    assert refused.code == 2, refused.text
    injected(times=2)


@pytest.mark.fault("F6")
@pytest.mark.long
def test_a_disk_that_fills_up_inside_a_pull_leaves_the_old_release(injected):
    before, running = settled(), all_containers()
    missing = "registry.lab:5000/clickhouse"  # of the registry's images one that an app host does not need
    downloads = "/var/lib/docker/tmp"  # where Docker puts what it downloads
    on_host("app1", f"docker image ls -q {missing} | xargs -r docker image rm --force")
    on_host("app1", f"mount -t tmpfs -o size=64k tmpfs {downloads}")
    try:
        result = lab("deploy", "--yes", "--set", f"images.jawn={missing}:24.3")
    finally:
        on_host("app1", f"umount {downloads}")
    assert result.code == 5, result.text
    assert "the deploy stopped at `pull`" in result.text
    assert "no space left on device" in result.text
    assert (settled(), all_containers()) == (before, running)
    assert lab("prune", "--yes").code == 0
    assert "clickhouse" not in on_host("app1", "docker image ls --format '{{.Repository}}'")
    injected(times=1)


@pytest.mark.fault("F7")
@pytest.mark.long
def test_a_docker_that_dies_inside_a_switch_leaves_a_host_that_is_named_and_settled_by_the_next_deploy(injected):
    before = settled()
    process = deploying(f"docker-dies-{time.time_ns()}")
    wait_for_line(process, "app1", "switch to")
    on_host("app1", "kill -9 $(cat /var/run/docker.pid)")
    try:
        code, out = ended(process)
    finally:
        on_host("app1", "service docker start", check=False)
    assert code == 6, out
    assert "app1" in out
    injected(times=1)
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text
    assert settled().keys() == before.keys()
    assert complaints() == []


@pytest.mark.fault("F7")
def test_a_host_whose_compose_is_too_old_is_refused_before_anything_is_switched(injected):
    before, running = settled(), all_containers()
    old = """#!/bin/sh\n[ "$1" = compose ] && { echo 2.0.1; exit; }; exec /usr/bin/docker "$@"\n"""
    on_host("app1", f"printf %s {shlex.quote(old)} >/usr/local/bin/docker && chmod 755 /usr/local/bin/docker")
    try:
        result = lab("deploy", "--yes", "--set", "docker.install=false", "--set", "jawn.environment.LAB_MARK=old")
    finally:
        on_host("app1", "rm /usr/local/bin/docker")
    assert result.code == 2, result.text
    assert "app1: preflight: Docker Compose 2.0.1 is older than docker.minimum_compose" in result.text
    assert (settled(), all_containers()) == (before, running)
    injected(times=1)


@pytest.mark.fault("F10")
@pytest.mark.long
def test_a_release_that_was_damaged_on_the_disk_is_not_gone_back_to(injected):
    older = settled()
    result = lab("deploy", "--yes", "--set", "jawn.environment.LAB_MARK=newer")
    assert result.code == 0, result.text
    before, running = settled(), all_containers()
    file = f"/opt/helicone/lab/releases/{older['app1']}/compose.override.yml"
    on_host("app1", f"cp -p {file} /tmp/kept && echo '# x' >>{file}")
    try:
        result = lab("rollback", "--yes")
    finally:
        on_host("app1", f"cp -p /tmp/kept {file}; rm /tmp/kept")
    assert result.code == 5, result.text
    assert "compose.override.yml" in result.text
    assert (settled(), all_containers()) == (before, running)
    again = lab("rollback", "--yes", "--to", older["app1"])  # whole again: that it could not be gone back to is over
    assert again.code == 0, again.text
    assert settled() == older
    injected(times=1)
