"""Keys and users without a browser, usage, logs, exec and drift, typed as an operator does."""

from __future__ import annotations

import json
import queue
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.clients import settled
from tests.lab.command import ADDRESSES, ROOT, Result, arguments, clickhouse, http, invoke, lab, on_host, secret

pytestmark = pytest.mark.usefixtures("deployed")
DEBUG = "lab-admin-debug"
REGISTRY = "registry.lab:5000"


def data(verb: str, *words: str) -> dict:
    result = lab(verb, *words, "--json")
    assert result.code == 0, result.text
    return result.data()


@pytest.fixture(scope="module")
def key(deployed: None) -> Iterator[str]:
    """Make a key, named as no other, and revoke it at the end if a test has not."""
    name = f"admin-{uuid.uuid4().hex[:8]}"
    made = lab("apikey.create", "--name", name)
    assert made.code == 0, made.text
    yield f"{name} {made.out.strip()}"
    lab("apikey.revoke", "--key", name, "--yes")


def test_a_key_made_here_works_is_counted_and_is_refused_once_revoked(key):
    name, text = key.split()
    seconds, passed = zip(*(settled(200, text, host) for host in ("app1", "app2")), strict=True)
    assert max(seconds) < 10
    sent = sum(passed)

    deadline = time.monotonic() + 30
    while True:
        usage = data("usage", "--since", "15m")
        mine = [one for one in usage["keys"] if one["name"] == name]
        if (mine and mine[0]["requests"] == sent) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert mine[0]["requests"] == sent, usage
    assert mine[0]["errors"] == 0
    assert sum(one["requests"] for one in usage["models"]) == usage["total"]["requests"] >= sent
    assert next(one for one in usage["models"] if one["name"].startswith("gpt-4o-mini"))["p95_ms"] is not None

    (listed,) = [one for one in data("apikey.list")["keys"] if one["name"] == name]
    assert listed["fingerprint"] == mine[0]["fingerprint"]
    assert time.time() - listed["last_used"] < 120
    assert text not in lab("apikey.list").text

    revoked = lab("apikey.revoke", "--key", str(listed["id"]), "--yes")
    assert revoked.code == 0, revoked.text
    time.sleep(3)  # what still passes meanwhile would never be recorded
    for host in ("app1", "app2"):
        assert settled(401, text, host)[0] < 10
    assert lab("apikey.revoke", "--key", name, "--yes").code == 2


def test_a_user_made_here_signs_in_and_belongs_to_the_first_organization():
    email = f"{uuid.uuid4().hex[:8]}@example.com"
    made = data("user.create", "--email", email)
    body = {"email": email, "password": made["password"]}
    assert http("POST", f"https://{ADDRESSES['app1']}:3000/api/auth/sign-in/email", body)[0] == 200
    (listed,) = [one for one in data("user.list")["users"] if one["email"] == email]
    assert ("member", made["organization"]) in [(one["role"], one["id"]) for one in listed["organizations"]]
    assert listed["signed_in"] is not None
    again = lab("user.create", "--email", email)
    assert again.code == 2, again.text


def say(service: str, host: str, text: str) -> None:
    """Let a service's container print a line."""
    done = lab("exec", service, "--host", host, "--command", f"echo {text} >/proc/1/fd/1")
    assert done.code == 0, done.text


def test_what_containers_print_is_found_on_all_hosts_without_secrets():
    marker = uuid.uuid4().hex
    say("keys", "app1", f"{marker} one")
    say("keys", "app2", f"{marker} two {secret('postgres_password')}")
    lines = data("logs", "--since", "5m", "--grep", marker, "--service", "keys")["lines"]
    assert [(one["host"], one["text"]) for one in lines] == [
        ("app1", f"{marker} one"), ("app2", f"{marker} two [redacted]")
    ]  # fmt: skip
    shown = lab("logs", "--since", "5m", "--grep", marker).out.splitlines()
    assert [line.split()[2:4] for line in shown] == [["app1", "keys"], ["app2", "keys"]]


class Running:
    """A command that goes on until Ctrl-C; its lines are read as they come."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            arguments(*words), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def next(self) -> str:
        return self.lines.get(timeout=120)

    def end(self) -> Result:
        """Press Ctrl-C and return how it ended."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=120)
        return Result(self.process.returncode, "", errors)


def test_followed_logs_come_while_they_are_printed_and_end_with_ctrl_c():
    marker = uuid.uuid4().hex
    following = Running("logs", "--env", "lab", "--follow", "--json", "--grep", marker)
    deadline = time.monotonic() + 60
    while following.lines.empty() and time.monotonic() < deadline:  # what was said before it listened may be left out
        say("keys", "app2", marker)
        time.sleep(3)
    assert json.loads(following.next())["text"] == marker
    ended = following.end()
    assert (ended.code, ended.err) == (0, "")
    left = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done | grep -c '^docker logs' || true"
    deadline = time.monotonic() + 30
    while (count := on_host("app2", left).strip()) != "0" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert count == "0", "docker logs goes on on the host"


def test_status_is_watched_until_ctrl_c():
    watching = Running("status", "--env", "lab", "--watch", "--json")
    looks = [json.loads(watching.next()) for _ in range(2)]
    assert [host["state"] for look in looks for host in look["hosts"].values()] == ["ok"] * 6
    assert watching.end().code == 0


def test_a_command_in_a_container_gives_its_output_and_its_exit_code():
    done = lab("exec", "clickhouse", "--", "sh", "-c", 'echo "$CLICKHOUSE_PASSWORD"; echo careful >&2; exit 7')
    assert (done.code, done.out, done.err) == (7, "[redacted]\n", "careful\n")
    told = lab("exec", "jawn", "--host", "app2", "--json", "--command", "hostname").data()
    assert (told["host"], told["code"], told["stdout"] != "") == ("app2", 0, True)


@pytest.fixture
def altered(deployed: None) -> Iterator[None]:
    """Change a host as somebody in a hurry does, and put it right again.

    The container of edge is of the current release, so it is what it reads that was edited.
    """
    on_host("app1", "docker rm -f $(docker ps -q -f label=com.docker.compose.service=edge)")
    assert lab("deploy", "--yes").code == 0
    on_host("app1", "echo '# by hand' >>/opt/helicone/lab/current/edge/Caddyfile; rm /etc/init.d/helicone-lab")
    on_host("app1", "echo '# by hand' >>/opt/helicone/lab/live/gateway/routes.yaml")
    keys = "docker ps -q -f label=com.docker.compose.service=keys"
    image = on_host("app2", f"docker inspect --format '{{{{.Image}}}}' $({keys})").split()[0]
    on_host("app2", f"docker run -d --name {DEBUG} --network helicone-lab_default --entrypoint sleep {image} 600")
    yield
    on_host("app2", f"docker rm --force {DEBUG}")
    assert lab("deploy", "--yes").code == 0


@pytest.mark.fault("F13")
def test_drift_names_what_was_changed_and_a_deploy_mends_it(altered):
    result = lab("drift", "--json")
    assert result.code == 7, result.text
    found = {(one["host"], one["kind"], one["name"]) for one in result.data()["report"]["drift"]}
    assert found == {
        ("app1", "file", "edge/Caddyfile"),
        ("app1", "container", "edge"),
        ("app1", "file", "/etc/init.d/helicone-lab"),
        ("app1", "file", "/opt/helicone/lab/live/gateway/routes.yaml"),
        ("app2", "container", DEBUG),
    }
    shown = lab("drift")
    assert shown.code == 7
    assert "invoke deploy --env lab" in shown.out
    assert f"on app2: docker rm --force {DEBUG}" in shown.out
    on_host("app2", f"docker rm --force {DEBUG}")
    assert lab("deploy", "--yes").code == 0
    mended = lab("drift")
    assert mended.code == 0, mended.text
    assert mended.out.startswith("no drift: ")


@pytest.mark.parametrize("table", ["request_response_rmt"])
def test_what_is_kept_goes_after_the_days_that_the_inventory_says(table):
    (made,) = clickhouse(f"SELECT create_table_query FROM system.tables WHERE name = '{table}'")
    assert made.count("TTL toDateTime(request_created_at) + toIntervalDay(90)") == 2
    assert on_host("data1", "docker exec helicone-lab-clickhouse-1 printenv SYSTEM_LOGS_TTL").startswith("event_date")


@pytest.fixture
def leftovers(deployed: None) -> Iterator[str]:
    """Leave six releases of long ago on app2, one of which names an image that nothing else does; return the image."""
    assert lab("prune", "--yes").code == 0  # what earlier tests have left on a lab that stays up
    name = f"{REGISTRY}/spare:1"
    on_host("app2", f"tar -cC /etc hostname | docker import - {name} && docker push -q {name}")
    digest = on_host("app2", f"docker inspect --format '{{{{index .RepoDigests 0}}}}' {name}").strip()
    on_host("app2", f"docker rmi {name} && docker pull -q {digest}")
    image = f"{name}@{digest.partition('@')[2]}"
    for number in range(6):
        services = [] if number else [{"name": "spare", "image": image, "one_shot": False}]
        manifest = json.dumps({"services": services})
        folder = f"/opt/helicone/lab/releases/0-{number:012d}"
        on_host("app2", f"mkdir -p {folder} && cat >{folder}/manifest.json <<'END'\n{manifest}\nEND\n")
    yield image
    on_host("app2", f"rm -rf /opt/helicone/lab/releases/0-*; docker rmi {digest} 2>/dev/null || true")


def releases(host: str) -> list[str]:
    return on_host(host, "ls /opt/helicone/lab/releases").split()


def test_prune_shows_then_removes_what_no_rollback_needs(leftovers):
    before = {host: releases(host) for host in ADDRESSES}
    history = data("history")["history"]
    good = {one["release"] for one in history if one["outcome"] == "good"}
    shown = lab("prune")
    assert shown.code == 0, shown.text
    assert "0-000000000000" in shown.out
    assert "use --yes" in shown.err
    assert {host: releases(host) for host in ADDRESSES} == before

    result = data("prune", "--yes")
    assert result["outcome"] == "removed"
    gone = set(before["app2"]) - set(releases("app2"))
    assert gone == set(result["removed"]["app2"]["releases"])
    assert "0-000000000000" in gone
    assert result["removed"]["app2"]["images"] == [leftovers]
    # Whatever a rollback may take stays: the newest five, and of the good ones the current and the one before.
    kept = sorted(before["app2"], key=lambda name: (int(name.partition("-")[0]), name))[-5:]
    assert set(kept) <= set(releases("app2"))
    assert len(good & set(releases("app2"))) >= 2
    assert lab("drift").code == 0


BAD: list[tuple[tuple[str, ...], int, str]] = [
    (("usage", "--env", "nosuch"), 2, "unknown environment `nosuch`"),
    (("usage", "--env", "lab", "--since", "yesterday"), 2, "no length of time"),
    (("logs", "--env", "lab", "--service", "jwan"), 2, "did you mean `jawn`"),
    (("logs", "--env", "lab", "--grep", "["), 2, "no regular expression"),
    (("logs", "--env", "lab", "--limit", "app9"), 2, "app9"),
    (("exec", "jwan", "--env", "lab", "--", "ls"), 2, "did you mean `jawn`"),
    (("exec", "jawn", "--env", "lab", "--", "ls"), 2, "app1, app2"),
    (("exec", "jawn", "--env", "lab", "--host", "data1", "--", "ls"), 2, "no service `jawn`"),
    (("exec", "jawn", "--env", "lab", "--host", "app9", "--", "ls"), 2, "app9"),
    (("exec", "jawn", "--env", "lab", "--host", "app1"), 2, "no command was given"),
    (("halt", "--env", "lab"), 2, "no service was named"),
    (("halt", "--env", "lab", "--service", "jwan"), 2, "did you mean `jawn`"),
    (("apikey.create", "--env", "lab"), 2, "a key needs a name"),
    (("apikey.create", "--env", "lab", "--name", "x", "--organization", "nobody"), 2, "no organization"),
    (("apikey.revoke", "--env", "lab", "--key", "999999", "--yes"), 2, "no valid key is `999999`"),
    (("apikey.revoke", "--env", "lab", "--key", "gateway"), 2, "environment's own"),
    (("user.create", "--env", "lab", "--email", "nobody"), 2, "no e-mail address"),
    (("user.create", "--env", "lab", "--email", "a@b.example", "--role", "king"), 2, "`king` is no role"),
]


@pytest.mark.parametrize(
    ("words", "code", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, tuple) else None
)
def test_bad_input_ends_with_a_sentence_and_its_code(words, code, message):
    result = invoke(*words)
    assert (result.code, message in result.text) == (code, True), result.text
    assert "Traceback" not in result.text


@pytest.fixture
def unreachable(deployed: None) -> Iterator[str]:
    """Return an environment like the lab, one host of which cannot be reached."""
    folder = ROOT / "inventory" / "unreachable"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "inventory" / "lab", folder)
    _write(folder / "host_vars" / "data1.yml", "connection: {port: 2222}\n")
    yield folder.name
    shutil.rmtree(folder)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.fault("F14")
def test_a_host_that_does_not_answer_is_code_3_everywhere(unreachable):
    commands = [
        ("usage",), ("logs",), ("drift",), ("apikey.list",), ("user.list",), ("apikey.create", "--name", "x"),
        ("user.create", "--email", "a@b.example"), ("exec", "--host", "data1", "db", "--", "true"),
    ]  # fmt: skip
    with ThreadPoolExecutor(len(commands)) as pool:  # each waits for the same silence
        results = list(pool.map(lambda words: invoke(words[0], "--env", unreachable, *words[1:]), commands))
    for words, result in zip(commands, results, strict=True):
        assert (result.code, "data1" in result.text) == (3, True), f"{words}: {result.text}"
        assert "Traceback" not in result.text
