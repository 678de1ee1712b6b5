"""Scratch stores: nothing published, nothing that lives on, and gone whatever happens."""

from __future__ import annotations

import pytest

from gateway.agent import backup_settings, scratch
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import host


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Put a `docker` on PATH that notes its arguments; let the engine call every container running."""
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    running = {"State": {"Running": True}, "NetworkSettings": {"Networks": {"n": {"IPAddress": "10.1.2.3"}}}}
    monkeypatch.setattr(scratch.engine, "ask", lambda path: running)
    monkeypatch.setattr(scratch.engine, "logs", lambda name: ["died"])
    return lambda: (tmp_path / "asked").read_text().splitlines()


def started(asked):
    (line,) = [line for line in asked if line.startswith("run ")]
    return line


def test_a_scratch_postgres_is_alone_and_goes(tmp_path, docker, monkeypatch):
    loaded = []
    monkeypatch.setattr(scratch.dump, "load", lambda *words: loaded.append(words))
    settings = backup_settings.load(host(tmp_path))
    with scratch.postgres(settings, tmp_path):
        assert loaded == [("helicone-trial-drill-db", "postgres", "helicone", tmp_path)]
        line = started(docker())
    assert "--network helicone-trial-drill" in line
    assert "--publish" not in line
    assert " -p " not in line
    assert "POSTGRES_PASSWORD=" not in line
    assert line.endswith("db:1@sha256:bb")
    asked = docker()
    assert "network create --internal helicone-trial-drill" in asked
    assert asked[-3:] == [
        "rm --force --volumes helicone-trial-drill-db", "rm --force --volumes helicone-trial-drill-clickhouse",
        "network rm helicone-trial-drill",
    ]  # fmt: skip


def test_a_scratch_clickhouse_restores_before_it_is_asked(tmp_path, docker, monkeypatch):
    asked = []

    def ask(sql):
        asked.append(sql)
        return ["1"]

    monkeypatch.setattr(scratch.clickhouse_copy, "asking", lambda url, user, password: ask)
    store = host(tmp_path)
    with scratch.clickhouse(store, backup_settings.load(store), tmp_path / "set") as given:
        assert given is ask
    assert [sql.split()[0] for sql in asked] == ["SELECT", "RESTORE", "SYSTEM", "RESTORE"]
    line = started(docker())
    assert f"--volume {tmp_path}/set:/var/lib/clickhouse/backups/drill" in line
    assert "config.d/backups.xml:ro" in line
    assert "helicone-trial-clickhouse:" not in line  # never the live volume


def test_a_store_that_dies_is_told_with_its_last_lines_and_removed(tmp_path, docker, monkeypatch):
    monkeypatch.setattr(scratch.engine, "ask", lambda path: {"State": {"Running": False}})
    (tmp_path / "docker").write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncase "$1" in exec) exit 1 ;; esac\n'
    )  # fmt: skip
    scratch_store = scratch.postgres(backup_settings.load(host(tmp_path)), tmp_path)
    with pytest.raises(StepFailed, match="does not come up") as caught, scratch_store:
        pass
    assert caught.value.logs == ["died"]
    assert docker()[-1] == "network rm helicone-trial-drill"
