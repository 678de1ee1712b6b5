"""Running the real command line, and looking at the lab from beside it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gateway.commands.project import open_project
from gateway.console import Reporter

ROOT = Path(__file__).resolve().parents[2]
INVOKE = Path(sys.executable).parent / "invoke"
ADDRESSES = {"app1": "172.30.87.11", "app2": "172.30.87.12", "data1": "172.30.87.13"}


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Return everything it printed."""
        return self.out + self.err

    def data(self) -> Any:
        """Return what it printed with --json."""
        return json.loads(self.out)


def arguments(*words: str) -> list[str]:
    """Return the argument list of an operator's command."""
    return [str(INVOKE), *words]


def invoke(*words: str, timeout: float = 600) -> Result:
    """Type a command in the project's folder and wait for its end."""
    done = subprocess.run(
        arguments(*words), cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout,
        stdin=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def lab(verb: str, *words: str) -> Result:
    """Type a command for the environment lab."""
    return invoke(verb, "--env", "lab", *words)


def complaints() -> list[str]:
    """Return what `verify` complains of, but for the gap that a recorder's crash in another test leaves for an hour."""
    result = lab("verify", "--json")
    data = result.data()
    failures = data.get("report", data).get("failures")
    if failures is None:  # it could not even ask
        return [result.text]
    return [failure["message"] for failure in failures if failure["check"] != "no request passed unrecorded"]


def on_host(host: str, command: str, check: bool = True) -> str:
    """Run a command on a lab host from beside, not over SSH, and return what it prints."""
    done = subprocess.run(
        ["docker", "exec", "--interactive", f"helicone-lab-{host}", "sh", "-c", command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if check and done.returncode:
        raise AssertionError(f"{host}: {command}: {done.stdout}{done.stderr}")
    return done.stdout


def here(command: str) -> str:
    """Run a shell command on this machine and return what it prints."""
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout


def containers(host: str) -> dict[str, tuple[str, str]]:
    """Return by service the id and start time of the lab's containers on a host."""
    return _containers(lambda command: on_host(host, command), "helicone-lab")


def containers_here(project: str) -> dict[str, tuple[str, str]]:
    """Return by service the id and start time of a project's containers on this machine."""
    return _containers(here, project)


def _containers(run: Callable[[str], str], project: str) -> dict[str, tuple[str, str]]:
    listing = run(
        f"docker ps -aq --filter label=com.docker.compose.project={project} | xargs -r docker inspect --format "
        "'{{index .Config.Labels \"com.docker.compose.service\"}} {{.Id}} {{.State.StartedAt}}'"
    )
    return {service: (identifier, started) for service, identifier, started in map(str.split, listing.splitlines())}


def all_containers() -> dict[str, dict[str, tuple[str, str]]]:
    """Return the containers of every host."""
    return {host: containers(host) for host in ADDRESSES}


def http(method: str, url: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], str]:
    """Send a request and return status, headers (lower case) and text, errors included."""
    data = None if body is None else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json", **names}
    )
    context = ssl.create_default_context(cadata=authorities()) if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as response:
            return response.status, {k.lower(): v for k, v in response.headers.items()}, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode()


@cache
def authorities() -> str:
    """Return the certificates of the lab's edges' own authorities, as an operator gets them."""
    return lab("edge.authority").out


def gateway(host: str) -> str:
    """Return the base URL that clients of a lab host's gateway use."""
    return f"https://{ADDRESSES[host]}:8787/v1"


def secret(name: str, environment: str = "lab") -> str:
    """Return a secret of an environment."""
    return open_project(environment, [], None, Reporter(quiet=True)).vault[name].reveal()


def clickhouse(sql: str, password: str = "") -> list[str]:
    """Ask the lab's ClickHouse, with its user's `password` if no other is given, and return the lines of its answer."""
    password = password or secret("clickhouse_password")
    script = (
        "import sys, urllib.request\n"
        "sql, password, url = sys.stdin.read().split('\\0')\n"
        "headers = {'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': password}\n"
        "r = urllib.request.Request(url, data=sql.encode(), headers=headers)\n"
        "print(urllib.request.urlopen(r).read().decode(), end='')\n"
    )
    done = subprocess.run(
        ["docker", "exec", "--interactive", "helicone-lab-data1", "python3", "-c", script],
        input=f"{sql}\0{password}\0http://172.30.88.13:8123", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()
