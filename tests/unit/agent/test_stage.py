"""Bringing a release onto a host."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from gateway.agent import stage as module
from gateway.agent.failure import StepFailed
from gateway.agent.stage import pull, stage
from gateway.agent.store import Store
from tests.unit.situations import release

NAME = "1-aaaaaaaaaaaa"
RELEASE = release(files={".env": 'PASSWORD="x"\n', "compose.override.yml": "a: 1\n", "edge/Caddyfile": "x" * 5000})
ARCHIVE = RELEASE.pack(NAME)


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "trial"))


def test_a_release_arrives_with_its_modes(store):
    stage(store, NAME, ARCHIVE)
    assert store.release_ids() == [NAME]
    assert store.check(NAME) == []
    modes = {name: (store.releases / NAME / name).stat().st_mode & 0o777 for name in (*RELEASE.files, "manifest.json")}
    assert modes == {".env": 0o600, "compose.override.yml": 0o644, "edge/Caddyfile": 0o644, "manifest.json": 0o600}
    assert store.current() is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.25, 0.5, 0.75, 0.8])
def test_a_truncated_archive_leaves_nothing(store, share):
    with pytest.raises(StepFailed):
        stage(store, NAME, ARCHIVE[: int(len(ARCHIVE) * share)])
    assert list(store.releases.iterdir()) == []


def test_a_corrupted_file_is_named_and_leaves_nothing(store):
    with pytest.raises(StepFailed, match=r"checksum of edge/Caddyfile differs"):
        stage(store, NAME, ARCHIVE.replace(b"x" * 5000, b"x" * 4999 + b"y"))
    assert list(store.releases.iterdir()) == []


def test_the_name_is_given_only_to_what_was_checked(store, monkeypatch):
    """A kill between two steps must not leave an unchecked release under its name."""

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "check", killed)
    with pytest.raises(KeyboardInterrupt):
        stage(store, NAME, ARCHIVE)
    assert store.release_ids() == []


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_no_entry_escapes(store, tmp_path, name):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(StepFailed, match="unexpected entry"):
        stage(store, NAME, buffer.getvalue())
    assert not list(tmp_path.rglob("outside"))


def test_links_are_refused(store):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(link)
    with pytest.raises(StepFailed, match="unexpected entry"):
        stage(store, NAME, buffer.getvalue())


def test_leftovers_of_a_killed_upload_go(store):
    store.create()
    (store.releases / ".incoming-7-dead" / "edge").mkdir(parents=True)
    stage(store, NAME, ARCHIVE)
    assert [entry.name for entry in store.releases.iterdir()] == [NAME]


@pytest.mark.fault("F6")
def test_a_full_disk_is_said_and_leaves_nothing(store, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StepFailed, match="No space left"):
        stage(store, NAME, ARCHIVE)
    assert list(store.releases.iterdir()) == []


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Put a program `docker` first on PATH; the test writes its script."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def write(script):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return write


def test_images_that_are_here_are_not_pulled(monkeypatch, docker):
    docker("exit 1")
    monkeypatch.setattr(module.engine, "has_image", lambda _: True)
    assert pull(["jawn:1@sha256:aa"], lambda **_: None) == {"pulled": []}


def test_pulling_shows_layers(monkeypatch, docker):
    docker('echo "a1: Pulling fs layer"; echo "b2: Already exists"; echo "a1: Pull complete"')
    monkeypatch.setattr(module.engine, "has_image", lambda _: False)
    texts = []
    assert pull(["jawn:1@sha256:aa"], lambda **event: texts.append(event["text"])) == {"pulled": ["jawn:1"]}
    assert texts == ["pull jawn:1", "pull jawn:1: 1 of 2 layers", "pull jawn:1: 2 of 2 layers"]


def test_a_pull_that_fails_gives_dockers_last_words(monkeypatch, docker):
    docker("echo 'manifest unknown' >&2; exit 1")
    monkeypatch.setattr(module.engine, "has_image", lambda _: False)
    with pytest.raises(StepFailed, match=r"jawn:1 could not be pulled: manifest unknown"):
        pull(["jawn:1@sha256:aa"], lambda **_: None)


def test_a_manifest_that_was_damaged_on_its_way_is_refused(store):
    """It stands in no manifest: the sender's checksum of the whole is what tells."""
    digest = hashlib.sha256(ARCHIVE).hexdigest()
    with pytest.raises(StepFailed, match="damaged on its way"):
        stage(store, NAME, ARCHIVE.replace(b'"health_timeout":5', b'"health_timeout":9'), digest)
    assert not store.root.exists()
    stage(store, NAME, ARCHIVE, digest)
    assert store.release_ids() == [NAME]


def test_a_manifest_that_was_edited_later_is_named(store):
    stage(store, NAME, ARCHIVE)
    path = store.releases / NAME / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"health_timeout":5', b'"health_timeout":9'))
    assert store.check(NAME) == ["manifest.json"]
    (store.releases / NAME / "manifest.sha256").unlink()  # as releases of older versions are
    assert store.check(NAME) == []
