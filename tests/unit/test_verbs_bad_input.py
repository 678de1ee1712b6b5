"""Every verb refuses what cannot be: in a sentence, with where, what is unaffected and what to type; never a traceback.

The verbs are those of the command line, found by walking it, and so are their flags. No host is there.
"""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from invoke.exceptions import Exit

from gateway.commands import hosts, images
from gateway.commands import project as project_module
from gateway.console import Reporter
from gateway.errors import UnreachableError
from gateway.transport import fleet
from tasks import namespace
from tests.unit.situations import HOSTS, PROJECT

GARBAGE = bytes(range(256))
NAMES = ["", "nope", "../fine", "fine/", "-", "x" * 5000, "ünï☃", "\x1b[31mred", "\udcff"]
FINE: dict[str, str | bytes] = {"hosts.yml": HOSTS, "group_vars/all.yml": "upstream: {repo: /nonexistent}\n"}
FOLDERS: dict[str, dict[str, str | bytes]] = {
    "fine": FINE,
    "garbage": {"hosts.yml": GARBAGE},
    "empty": {"hosts.yml": ""},
    "without-hosts": {"hosts.yml": "all: {hosts: {}}\n"},
    "a-list": {"hosts.yml": "- a\n- b\n"},
    "no-folder-but-file": {"hosts.yml/x": ""},
    "variables": {"hosts.yml": HOSTS, "group_vars/all.yml": GARBAGE},
}
STORED: dict[str, dict[str, str | bytes]] = {
    "garbled-vault": {**FINE, "secrets.yml.age": GARBAGE},
    "vault-is-a-folder": {**FINE, "secrets.yml.age/x": ""},
    "garbled-lock": {**FINE, "images.lock.yml": GARBAGE},
    "garbled-known-hosts": {**FINE, "known_hosts": GARBAGE},
}
VALUES = [
    "", ",", "-1", "²", "[", "9" * 30, "9" * 5000, "x" * 5000, "ünï\u202e☃ a=b", "\x1b[31mred\x07", "\udcff",
    "../../x", "/", "/proc/none/x.html", "/etc/passwd/x.html",
]  # fmt: skip
# Flags that take any text, or one that only a host can judge: these verbs get as far as the hosts.
JUDGED_LATER = {
    "apikey.create --name", "apikey.create --organization", "apikey.revoke --key", "user.create --organization",
    "user.create --name", "logs --grep", "logs --service", "exec service", "exec --command", "drill --from",
    "restore --from",
}  # fmt: skip
VERBS = [name for name in namespace.task_names if any(a.name == "env" for a in namespace[name].get_arguments())]
FLAGS = [
    (name, argument)
    for name in VERBS
    for argument in namespace[name].get_arguments()
    if argument.kind is not bool and argument.name != "env"
]


class Ended(NamedTuple):
    """How a verb ended."""

    code: Any
    out: str
    err: str


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with an environment that is fine and many that are not."""
    made = tmp_path_factory.mktemp("project")
    for name in ("roles", "templates"):
        (made / name).symlink_to(PROJECT / name)
    for environment, files in {**FOLDERS, **STORED}.items():
        for name, content in files.items():
            path = made / "inventory" / environment / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project_module, "ROOT", made)
        assert project_module.open_project("fine", [], None, Reporter(quiet=True)).vault.values
    loop = made / "inventory" / "loop"
    loop.mkdir()
    (loop / "hosts.yml").symlink_to("hosts.yml")
    return made


@pytest.fixture(autouse=True)
def no_hosts(root, monkeypatch, tmp_path):
    """Let every verb work on that project, from a folder of its own, and no host answer."""

    def gone(host, _=None):
        raise UnreachableError("no connection", where=f"{host.name}: connect", next_step="look at the host")

    def refused(*_):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(project_module, "ROOT", root)
    monkeypatch.setattr(fleet, "converse", gone)
    monkeypatch.setattr(images, "converse", gone)
    monkeypatch.setattr(hosts.socket, "create_connection", refused)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.chdir(tmp_path)


def typed(verb: str, **flags: Any) -> Ended:
    """Run a verb with these flags, --json among them, as Invoke would."""
    task = namespace[verb]
    known = {argument.name for argument in task.get_arguments()}
    always = {"service": "jawn", "json_": True, "yes": True, "command": "true", "name": "x", "email": "a@example.com"}
    flags = {**{name: value for name, value in always.items() if name in known}, **flags}
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            task.body(None, **flags)
        except Exit as end:
            code = end.code
    return Ended(code, out.getvalue(), err.getvalue())


def check(ended: Ended, codes: tuple[int, ...], what: str) -> None:
    """Fail unless a verb ended with one of `codes` and, if it failed, said all that an operator needs to go on."""
    assert ended.code in codes, f"{what}: {ended}"
    if ended.code == 0:
        return
    told = json.loads(ended.out)
    missing = [part for part in ("error", "where", "unaffected", "next") if not told[part]]
    assert missing in ([], ["unaffected"] if ended.code == 3 else []), f"{what}: {ended}"
    assert "defect of this program" not in ended.err, what
    assert all(one.isprintable() or one == "\n" for one in ended.err), f"{what}: {ended.err!r}"
    assert max(len(line) for line in ended.err.splitlines()) < 1000, what
    assert told["error"].partition("\n")[0][:60].strip() in ended.err.replace("?", "") or "?" in ended.err


@pytest.mark.parametrize("verb", VERBS)
def test_an_environment_that_is_none_is_refused_by_every_verb(verb):
    for environment in [*NAMES, *FOLDERS, "loop"]:
        if environment != "fine":
            check(typed(verb, env=environment), (2,), f"{verb} --env {environment!r}")


@pytest.mark.parametrize("verb", VERBS)
def test_files_that_cannot_be_read_are_refused_or_not_needed(verb):
    for environment in STORED:
        check(typed(verb, env=environment), (0, 2, 3), f"{verb} --env {environment}")


@pytest.mark.parametrize(("verb", "flag"), FLAGS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_a_flag_with_a_value_that_cannot_be_is_refused(verb, flag):
    name = flag.name if flag.positional else f"--{flag.name.rstrip('_').replace('_', '-')}"
    ends = set()
    for value in VALUES:
        ended = typed(verb, env="fine", **{flag.name: [value] if flag.kind is list else value})
        check(ended, (0, 2, 3), f"{verb} {name} {value!r}")
        ends.add(ended.code)
    assert 2 in ends or f"{verb} {name}" in JUDGED_LATER, f"{verb} {name}: no value is refused before a host is asked"


@pytest.mark.parametrize(
    ("verb", "flags", "words"),
    [
        ("logs", {"since": "yesterday"}, "no length of time"),
        ("logs", {"lines": "0"}, "no number of lines"),
        ("logs", {"grep": "("}, "no regular expression"),
        ("usage", {"since": "²h"}, "no length of time"),
        ("rollback", {"to": "²"}, "no release number"),
        ("inventory", {"explain": "jawn.memroy"}, "jawn.memory"),
        ("inventory", {"explain": "jawn.memory", "host": "app9"}, "app9"),
        ("plan", {"limit": "app9"}, "app9"),
        ("plan", {"set_": ["jawn.memroy=1g"]}, "jawn.memory"),
        ("verify", {"junit": "/proc/none/x.xml"}, "cannot be written"),
        ("deploy", {"report": "/proc/none/x.html"}, "cannot be written"),
        ("deploy", {"report": "report"}, "does not end in .html"),
        ("doctor", {"bundle": "/proc/none/x.tar.gz"}, "cannot be written"),
        ("deploy", {"report": "~nobody-at-all/x.html"}, "home folder"),
        ("doctor", {"bundle": "~nobody-at-all/x.tar.gz"}, "home folder"),
        ("render", {"set_": ["upstream.repo=~nobody-at-all/x"]}, "home folder"),
        ("render", {"out": "/dev/null"}, "cannot be written"),
        ("render", {"out": "/"}, "not empty"),
        ("status", {"watch": True, "report": "r.html"}, "one look"),
        ("apikey.create", {"permissions": "x"}, "no permission"),
        ("apikey.revoke", {"key": "7", "stdin": True}, "both say which key"),
        ("apikey.revoke", {"stdin": True}, "no key on standard input"),
        ("user.create", {"role": "owner"}, "no role"),
        ("user.create", {"email": "ann"}, "no e-mail address"),
        ("secrets.rotate", {"name": "nothing"}, "nothing"),
        ("hosts.trust", {"host": "app9"}, "app9"),
        ("restore", {"from_": "a", "source": "nope"}, "nope"),
        ("exec", {"command": ""}, "no command"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_sentence_names_what_is_wrong(verb, flags, words):
    ended = typed(verb, env="fine", **flags)
    check(ended, (2,), verb)
    assert words in ended.err


def run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Type a command as an operator does."""
    command = [sys.executable, "-m", "invoke", *words]
    return subprocess.run(command, cwd=PROJECT, text=True, check=False, timeout=300, **more)


def test_typed_in_a_shell_it_is_the_same():
    done = run("status", "--env", "\x1b[31m", capture_output=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("inventory: unknown environment `?[31m`\n  unaffected: ")
    assert "\n  next: use one of " in done.stderr
    unknown = run("status", "--environment", "lab", capture_output=True)
    assert unknown.returncode == 1
    assert "Traceback" not in unknown.stderr


@pytest.mark.parametrize(("environment", "code"), [("staging", 0), ("nosuch", 2)])
def test_a_reader_that_has_seen_enough_is_no_error(environment, code):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("inventory", "--env", environment, "--json", stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert (done.stderr == "") is (code == 0)


def test_nobody_who_reads_what_goes_wrong_changes_no_exit_code():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("inventory", "--env", "nosuch", "--json", stdout=subprocess.PIPE, stderr=writing)
    finally:
        os.close(writing)
    assert done.returncode == 2
    assert json.loads(done.stdout)["exit_code"] == 2


@pytest.mark.parametrize("words", [
    ("status", "--env", "nosuch", "--json"), ("inventory", "--env", "staging", "--json"),
])  # fmt: skip
def test_a_disk_that_is_full_is_a_sentence_and_the_code_is_not_0(words):
    with Path("/dev/full").open("w") as full:
        done = run(*words, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == (2 if "nosuch" in words else 1)
    assert "the result cannot be written: no space left on device\n  unaffected: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_hold_a_letter_shows_it_in_another_way():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run("inventory", "--env", "stäging", capture_output=True, env=environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
