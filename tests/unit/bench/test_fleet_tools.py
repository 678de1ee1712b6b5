"""What is read out of what tools print, the template they get, and the stand-in of the engine."""

from __future__ import annotations

import json

import pytest

from bench.fleet import ansible, pyinfra
from bench.fleet.engine import answer
from bench.fleet.job import template
from bench.fleet.layout import DIRECTORY
from bench.fleet.short import problem
from bench.fleet.tools import own_changed

RECAP = """PLAY RECAP ****
host001 : ok=3    changed=2    unreachable=0    failed=0    skipped=0
host002 : ok=3    changed=0    unreachable=0    failed=0    skipped=0
"""
TOTAL = """    Grand total                    {}        {}        {}
"""


def test_ansible_says_how_many_hosts_it_changed():
    assert ansible.changed(RECAP) == 1
    assert ansible.changed("") == 0


@pytest.mark.parametrize(("said", "expected"), [(TOTAL.format(5, 4, 1), 4), (TOTAL.format(5, "-", 5), 0), ("", 0)])
def test_pyinfra_says_how_much_it_changed(said, expected):
    assert pyinfra.changed(said) == expected


def test_the_project_says_which_hosts_it_switched():
    said = "   1.8s  host001     web is healthy\n   1.8s  host001, host002: release 1-a, verified, 2 s in all\n"
    assert own_changed(said) == 2
    assert own_changed("no changes: bench-fleet runs release 1-a") == 0


def test_a_template_has_the_variable_where_the_states_differ():
    assert template("a: 2g\nb: 2g\n", "a: 3g\nb: 2g\n") == "a: {{ jawn_memory }}\nb: 2g\n"
    with pytest.raises(ValueError, match="more than the variable"):
        template("a: 2g\n", "c: 3g\n")


def test_the_stand_in_runs_what_the_current_release_says(tmp_path):
    assert answer(tmp_path, "/containers/json?all=1") == []
    service = {"name": "web", "hash": "abc", "image": "web@sha256:0", "one_shot": False, "ports": [["127.0.0.1", 1, 2]]}
    once = {**service, "name": "migrations", "one_shot": True}
    current = tmp_path / DIRECTORY.lstrip("/") / "current"
    current.mkdir(parents=True)
    (current / "manifest.json").write_text(json.dumps({"services": [service, once]}))
    (found,) = answer(tmp_path, "/containers/json?all=1")
    assert found["Config"]["Labels"]["com.docker.compose.service"] == "web"
    assert answer(tmp_path, f"/containers/{found['Id']}/json") == found
    assert "STAND-IN" in json.dumps(answer(tmp_path, "/version"))
    assert answer(tmp_path, "/volumes/x") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"execs": 6}, "6 execs"),
        ({"connections": 4}, "4 connections"),
        ({"changed": 3}, "it changed 3 hosts"),
        ({"wrong": "2 files are not as wanted"}, "2 files"),
    ],
)
def test_the_short_form_wants_one_connection_and_one_exec_for_each_host(change, words):
    row = {
        "tool": "own",
        "job": "no-op",
        "hosts": 3,
        "connections": 3,
        "execs": 3,
        "sftp": 0,
        "changed": 0,
        "wrong": "",
    }
    found = problem({**row, **change})
    assert words in found
    assert bool(words) == bool(found)
