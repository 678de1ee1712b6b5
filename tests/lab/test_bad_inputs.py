"""Bad inputs: each ends with its exit code and a sentence that says where, and changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.command import ROOT, Result, all_containers, invoke, on_host

pytestmark = pytest.mark.usefixtures("deployed")
Change = Callable[[Path], object]


@pytest.fixture
def environment() -> Iterator[Path]:
    """Copy the lab's inventory to an environment of its own, to be spoilt."""
    folder = ROOT / "inventory" / "spoilt"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "inventory" / "lab", folder)
    yield folder
    shutil.rmtree(folder)


def put(path: str, text: str) -> Change:
    """Return a change that writes a file of the inventory."""

    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)

    return change


def replace(path: str, old: str, new: str) -> Change:
    """Return a change that replaces a text in a file of the inventory."""

    def change(folder: Path) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new, 1))

    return change


def tampered(folder: Path) -> None:
    """Change one letter in the middle of the encrypted secrets."""
    path = folder / "secrets.yml.age"
    lines = path.read_text().splitlines()
    middle = len(lines) // 2
    lines[middle] = lines[middle][:10] + ("A" if lines[middle][10] != "A" else "B") + lines[middle][11:]
    path.write_text("\n".join(lines) + "\n")


ALL, HOSTS = "group_vars/all.yml", "hosts.yml"
HOST_VARS = "host_vars/app1.yml"
FILES: list[tuple[str, Change, tuple[str, ...], int, str]] = [
    ("unknown key", put(HOST_VARS, "jawn:\n  memroy: 1g\n"), (), 2, "host_vars/app1.yml:2"),
    ("nearest key named", put(HOST_VARS, "jawn:\n  memroy: 1g\n"), (), 2, "jawn.memory"),
    ("wrong type", put(HOST_VARS, "ports:\n  ui: three\n"), (), 2, "host_vars/app1.yml:2"),
    ("number out of range", put(HOST_VARS, "ports:\n  ui: 70000\n"), (), 2, "host_vars/app1.yml:2"),
    ("boolean for a number", put(HOST_VARS, "ports:\n  ui: true\n"), (), 2, "host_vars/app1.yml:2"),
    ("missing variable", put(HOST_VARS, "connection:\n  address: null\n"), (), 2, "connection.address"),
    ("unknown host", lambda _: None, ("--limit", "app3"), 2, "app3"),
    ("variables of an unknown host", put("host_vars/app9.yml", "roles: [app]\n"), (), 2, "app9"),
    ("variables of an unknown group", put("group_vars/apps.yml", "roles: [app]\n"), (), 2, "apps"),
    ("duplicate key", put(HOST_VARS, "jawn: {memory: 1g}\njawn: {memory: 2g}\n"), (), 2, "host_vars/app1.yml:2"),
    ("same address twice", replace(HOSTS, "172.30.87.12\n        user", "172.30.87.11\n        user"), (), 2, "87.11"),
    ("tab in YAML", put(HOST_VARS, "jawn:\n\tmemory: 1g\n"), (), 2, "host_vars/app1.yml:2"),
    ("broken YAML", put(HOST_VARS, "jawn: [1, 2\n"), (), 2, "host_vars/app1.yml"),
    ("not UTF-8", lambda folder: _bytes(folder / HOST_VARS, b"jawn: \xff\xfe\n"), (), 2, "host_vars/app1.yml"),
    ("no hosts.yml", lambda folder: (folder / HOSTS).unlink(), (), 2, "hosts.yml"),
    ("empty hosts.yml", put(HOSTS, ""), (), 2, "hosts.yml"),
    ("host without a role", put(HOSTS, "all:\n  hosts:\n    a1: {connection: {address: 10.0.0.1}}\n"), (), 2, "role"),
    ("missing age key", put(HOST_VARS, ""), ("--set", "secrets.identity=.lab/none.key"), 2, "none.key"),
    ("tampered secrets", tampered, (), 2, "secrets.yml.age"),
    ("no secrets file but not ours", put("secrets.yml.age", "hello\n"), (), 2, "secrets.yml.age"),
    ("unpinned image", put(HOST_VARS, "images: {web: 'registry.lab:5000/web:other'}\n"), (), 2, "images.lock"),
    ("broken lock", put("images.lock.yml", "web: 1\n"), (), 2, "images.lock.yml:1"),
    ("port clash", put(HOST_VARS, "ports: {ui: 8787}\n"), (), 2, "8787"),
    ("unknown upstream", lambda _: None, ("--set", "upstream.ref=nothing"), 2, "upstream.ref"),
    ("no such repository", lambda _: None, ("--set", "upstream.repo=/nonexistent"), 2, "upstream.repo"),
    ("provider without version", lambda _: None, ("--set", "providers.openai.base_url=http://x/"), 2, "base_url"),
    ("set without value", lambda _: None, ("--set", "jawn.memory"), 2, "--set"),
    ("set of an unknown key", lambda _: None, ("--set", "jawn.memroy=1g"), 2, "jawn.memory"),
    ("external store without address", lambda _: None, ("--set", "clickhouse.mode=external"), 2, "clickhouse.url"),
    ("unreachable host", lambda _: None, ("--set", "connection.port=2222"), 3, "2222"),
    ("refused login", lambda _: None, ("--set", "connection.user=nobody"), 3, "refused the login"),
    ("missing SSH key", lambda _: None, ("--set", "connection.identity_file=.lab/none"), 3, ".lab/none"),
    ("host key not pinned", lambda folder: (folder / "known_hosts").unlink(), (), 3, "SHA256:"),
    ("host key changed", lambda folder: _swap_keys(folder / "known_hosts"), (), 3, "changed"),
    ("full disk", lambda _: None, ("--set", "preflight.disk_free_gb=900000"), 2, "disk_free_gb"),
    ("little memory", lambda _: None, ("--set", "preflight.memory_mb=9000000"), 2, "memory_mb"),
    ("old engine", lambda _: None, ("--set", "docker.minimum_engine=99"), 2, "minimum_engine"),
    ("old Compose", put(HOST_VARS, "docker: {install: false}\n"), ("--set", "docker.minimum_compose=99"), 2, "compose"),
]  # fmt: skip


def _bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def _swap_keys(path: Path) -> None:
    """Pin each host to the key of the next one."""
    lines = [line.split(" ", 1) for line in path.read_text().splitlines() if line and not line.startswith("#")]
    keys = [key for _, key in lines]
    path.write_text("".join(f"{host} {key}\n" for (host, _), key in zip(lines, keys[1:] + keys[:1], strict=True)))


def check(result: Result, code: int, words: str) -> None:
    """Fail unless the command ended with `code`, said `words`, and showed no traceback."""
    assert result.code == code, result.text
    assert words in result.err, result.err
    assert "Traceback" not in result.text
    assert "defect of this program" not in result.text


@pytest.mark.parametrize(
    ("change", "flags", "code", "words"),
    [pytest.param(*case[1:], id=case[0], marks=[pytest.mark.fault("F14")] * (case[3] == 3)) for case in FILES],
)
def test_bad_input_is_refused_in_words_and_changes_nothing(environment, change, flags, code, words):
    change(environment)
    check(invoke("deploy", "--env", "spoilt", "--yes", *flags), code, words)
    assert on_host("app1", "ls -d /opt/helicone/spoilt 2>/dev/null; true") == ""


@pytest.mark.fault("F15")
def test_a_default_password_is_refused(environment, monkeypatch, tmp_path):
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/^postgres_password:.*/postgres_password: testpassword/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    before = (environment / "secrets.yml.age").read_bytes()
    result = invoke("secrets.edit", "--env", "spoilt")
    check(result, 2, "postgres_password")
    assert "testpassword" not in result.text
    assert (environment / "secrets.yml.age").read_bytes() == before


def test_a_group_cycle_is_shown(environment):
    hosts = (environment / HOSTS).read_text()
    (environment / HOSTS).write_text(hosts.replace("edge:\n", "edge:\n  children: {app: }\n").replace(
        "app:\n  hosts", "app:\n  children: {edge: }\n  hosts"))  # fmt: skip
    check(invoke("plan", "--env", "spoilt"), 2, "edge")


def test_an_unknown_environment_and_none_are_refused():
    check(invoke("plan", "--env", "stagin"), 2, "staging")
    check(invoke("plan"), 2, "--env")


def test_a_host_without_python_is_refused_and_left_alone(environment):
    before = all_containers()
    on_host("app1", "mv /usr/bin/python3 /usr/bin/python3.hidden")
    try:
        check(invoke("deploy", "--env", "lab", "--yes"), 2, "python3")
    finally:
        on_host("app1", "mv /usr/bin/python3.hidden /usr/bin/python3")
    assert all_containers() == before


def test_a_port_taken_by_another_program_is_named(environment):
    on_host("data1", "nohup python3 -m http.server --bind 172.30.88.13 15432 >/dev/null 2>&1 & echo")
    try:
        check(invoke("deploy", "--env", "spoilt", "--yes", "--set", "ports.postgres=15432"), 2, "15432")
    finally:
        on_host("data1", "pkill -f '[h]ttp.server --bind 172.30.88.13'")
