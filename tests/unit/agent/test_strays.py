"""What is not as the release wants it outside of the release's folder."""

from __future__ import annotations

import hashlib
import json
import os
from urllib.parse import unquote

import pytest

from gateway.agent import boot, engine, strays
from gateway.agent.store import Store

PROJECT = "helicone-x"
ROUTES = "live/gateway/routes.yaml"
MANIFEST = {"files": {ROUTES: {"sha256": hashlib.sha256(b"routes").hexdigest()}, ".env": {"sha256": "0"}}}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return the store of a host that is as it should be."""
    monkeypatch.setattr(boot, "INIT_SCRIPTS", tmp_path / "init.d")
    monkeypatch.setattr(boot, "SYSTEMD", tmp_path)
    monkeypatch.setattr(boot, "_run", lambda *_: None)
    boot.install(PROJECT)
    made = Store(str(tmp_path / "environment"))
    (made.root / ROUTES).parent.mkdir(parents=True)
    (made.root / ROUTES).write_text("routes")
    (made.releases / "1-a").mkdir(parents=True)
    (made.releases / "1-a" / "manifest.json").write_text(json.dumps(MANIFEST))
    made.point_to("1-a")
    return made


def test_nothing_strays_on_a_host_as_it_should_be(store):
    assert strays.altered(store, PROJECT, MANIFEST) == []


@pytest.mark.parametrize("change", [lambda path: path.write_text("edited"), lambda path: path.unlink()])
def test_an_edited_or_missing_live_file_is_named(store, change):
    change(store.root / ROUTES)
    assert strays.altered(store, PROJECT, MANIFEST) == [str(store.root / ROUTES)]


@pytest.mark.parametrize("change", [lambda path: path.write_text("#!/bin/sh\n"), lambda path: path.unlink()])
def test_an_edited_or_missing_boot_hook_is_named(store, change):
    hook = boot.INIT_SCRIPTS / PROJECT
    change(hook)
    assert strays.altered(store, PROJECT, MANIFEST) == [str(hook)]


def reading(store, content, **state):
    """Return a container whose process, this one, sees a file with a content where the release's is mounted."""
    seen = store.root / "seen"
    seen.write_text(content)
    mounts = [
        {"Source": str(store.current_link / ROUTES), "Destination": str(seen)},
        {"Source": "/var/lib/docker/volumes/x", "Destination": "/data"},
        {"Source": str(store.current_link / "not-of-this-release"), "Destination": str(seen)},
    ]
    return {"State": {"Pid": os.getpid(), **state}, "Mounts": mounts}


def test_a_container_that_reads_an_edited_file_is_found_by_what_it_sees(store):
    assert strays.misread(store, reading(store, "edited")) == [ROUTES]
    assert strays.misread(store, reading(store, "routes")) == []


def test_a_container_that_does_not_run_or_just_ended_reads_nothing(store):
    assert strays.misread(store, reading(store, "edited", Pid=0)) == []
    assert strays.misread(store, reading(store, "edited", Pid=2**30)) == []


def made(name, created, service="web"):
    return {
        "Id": name, "Name": f"/{name}", "Created": created,
        "Config": {"Labels": {"com.docker.compose.service": service}},
    }  # fmt: skip


def test_doubles_and_guests_are_named_and_those_that_leave_are_not(monkeypatch):
    def ask(path):
        if path.startswith("/networks"):
            return [{"Id": "net"}]
        assert json.loads(unquote(path.partition("filters=")[2])) == {"network": ["net"]}
        return [
            {"Names": ["/x-web-1"], "Labels": {"com.docker.compose.project": PROJECT}},
            {"Names": ["/debug"], "Labels": None},
        ]

    monkeypatch.setattr(engine, "ask", ask)
    everyone = [
        made("x-web-1", "2"),
        made("x-web-old", "1"),
        made("x-web-leaving-1", "0"),
        made("x-jawn-1", "1", "jawn"),
    ]
    assert strays.containers(PROJECT, everyone) == ["debug", "x-web-old"]
