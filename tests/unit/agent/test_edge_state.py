"""What is known of an edge without asking its containers."""

from __future__ import annotations

import json
import time

import pytest

from gateway.agent import edge_state

PROJECT = "helicone-trial"


@pytest.fixture
def volumes(tmp_path, monkeypatch):
    """Give the folder of the named volumes; those that are not there the engine does not know."""

    def ask(path):
        folder = tmp_path / path.removeprefix(f"/volumes/{PROJECT}-")
        return {"Mountpoint": str(folder)} if folder.is_dir() else None

    monkeypatch.setattr(edge_state.engine, "ask", ask)

    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    return write


def test_a_host_without_an_edge_has_nothing_to_show(volumes):
    assert edge_state.look(PROJECT) == {"authority": "", "keys_age": None, "recorder": None} == edge_state.NOTHING


def test_empty_volumes_have_nothing_to_show_either(volumes):
    for name in ("certificates", "keys", "recorder"):
        volumes(f"{name}/other", "")
    assert edge_state.look(PROJECT) == {"authority": "", "keys_age": None, "recorder": None}


def test_what_the_services_left_is_read_and_dated(volumes):
    volumes("certificates/caddy/pki/authorities/local/root.crt", "-----BEGIN CERTIFICATE-----\n")
    volumes("keys/checked", f"{int(time.time()) - 30}\n")
    volumes("recorder/status.json", json.dumps({"time": time.time() - 5, "waiting": 7}))
    seen = edge_state.look(PROJECT)
    assert seen["authority"].startswith("-----BEGIN")
    assert 29 < seen["keys_age"] < 35
    assert seen["recorder"]["waiting"] == 7
    assert 4 < seen["recorder"]["age"] < 10
    json.dumps(seen)


@pytest.mark.parametrize("text", ["", "{", "no JSON"])
def test_a_recorder_that_says_nothing_readable_says_nothing(volumes, text):
    volumes("recorder/status.json", text)
    assert edge_state.look(PROJECT)["recorder"] is None
