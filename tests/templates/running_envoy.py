"""Runs the rendered gateway in the real Envoy, by its own run.sh, in a folder and on ports of its own."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.gateway.parts import process_seconds
from gateway.agent.resources import joined
from gateway.render.context import Settings, context_of, planned_files
from gateway.render.templates import render_template
from gateway.vault import Vault
from tests.templates.stand_ins import Answer, Echo, RecorderStandIn
from tests.unit.situations import load

KEY = "sk-helicone-abcdefg-abcdefg-abcdefg-abcdefg"
REVOKED = "sk-helicone-revoked-revoked-revoked-revoked"
AUTH = {"Helicone-Auth": f"Bearer {KEY}", "Authorization": "Bearer provider-sentinel"}
JSON = {"Content-Type": "application/json"}
HOST = """
all:
  hosts: {one: {connection: {transport: local}}}
  children: {data: {hosts: {one: }}, app: {hosts: {one: }}, edge: {hosts: {one: }}}
"""
PATIENCE = 60  # seconds that nothing takes, however busy the machine is
QUIET_SECONDS = 0.05  # Envoy lets a client close first, for a second
LIVE = ("clusters.yaml", "routes.yaml")
# Where things are in the container, and below the test's folder.
INSTEAD = {
    "/etc/gateway": "", "/var/lib/keys": "/keys", "/var/log/gateway": "/log",
    "/certificates": "/certificates", "/dev/shm": "", "/tmp": "",  # noqa: S108 - what is replaced
}  # fmt: skip
KEPT: list[socket.socket] = []  # what keeps the ports that tests were given
FOLDERS = re.compile(rf"(?<![\w/.])(?:{'|'.join(INSTEAD)})(?=[/\"])")


class Gateway:
    """A gateway that runs, the provider and the recorder behind it, and what its clients do.

    `settings` are as `--set` takes them; every provider of the inventory leads to the one stand-in,
    below a path of its name.
    """

    def __init__(self, folder: Path, provider: Echo, recorder: RecorderStandIn, *settings: str) -> None:
        self.folder = folder
        self.provider = provider
        self.recorder = recorder
        self.port = free_port()
        self.settings = settings
        self.environment: dict[str, str] = {}
        self._jawn = provider
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("keys", "mirror", "log", "live", "certificates"):
            (folder / name).mkdir()

    def render(self, *more: str) -> dict[str, str]:
        """Return the gateway's files for these settings and `more`, by name, fit for this folder and these ports."""
        base = f"http://127.0.0.1:{self.provider.port}"
        behind = [f"providers.{name}.base_url={base}/{name}/v1" for name in ("anthropic", "modelscope", "deepseek")]
        behind += [f"providers.openai.base_url={base}/v1"]
        behind += [f"providers.dashscope.base_url={base}/compatible-mode/v1"]
        (self.folder / "inventory").mkdir(exist_ok=True)
        inventory = load(self.folder / "inventory", *behind, *self.settings, *more, hosts=HOST)
        host = inventory.hosts["one"]
        context = context_of(inventory, host, Vault({}), {}, Settings(), [])
        context["upstreams"]["jawn"] = [f"127.0.0.1:{self._jawn.port}"]
        wanted = {path: name for path, name in planned_files(host).items() if path.startswith(("gateway/", "live/"))}
        return {Path(path).name: self._moved(render_template(name, context)) for path, name in wanted.items()}

    def _moved(self, text: str) -> str:
        text = FOLDERS.sub(lambda match: f"{self.folder}{INSTEAD[match[0]]}", text)
        text = re.sub(r"^envoy --", f"{envoy_program()} --", text, flags=re.MULTILINE)
        text = text.replace('address: "::", port_value: 8787', f'address: "::", port_value: {self.port}')
        return text.replace("@VERSION@", hashlib.sha256(text.encode()).hexdigest()[:12])

    def deliver(self, *more: str) -> None:
        """Put live files of other settings where Envoy watches as the agent does: each when the last is taken."""
        clusters, routes = (self.render(*more)[name] for name in LIVE)
        before = (self.folder / "live" / LIVE[0]).read_bytes()
        both = joined(clusters.encode(), before).decode()
        for name, text in ((LIVE[0], both), (LIVE[1], routes), (LIVE[0], clusters)):
            self.put(name, text)
            assert eventually(lambda name=name: self.healthy(name) == (0, "")) is not None

    def put(self, name: str, text: str) -> None:
        """Put one live file where Envoy watches."""
        fresh = self.folder / "live" / f".{name}.new"
        fresh.write_text(text)
        fresh.replace(self.folder / "live" / name)

    def allow(self, *keys: str) -> None:
        """Make these Helicone keys the valid ones, as the service `keys` does."""
        hashes = [hashlib.sha256(f"Bearer {key}".encode()).hexdigest() for key in keys]
        fresh = self.folder / "keys" / ".new"
        fresh.write_text("\n".join(hashes) + "\n")
        fresh.replace(self.folder / "keys" / "keys")

    def write(self, **patches: Callable[[str], str]) -> None:
        """Write the rendered files; `patches` change one each, by its name without the extension."""
        for name, text in self.render().items():
            patched = patches.get(Path(name).stem, str)(text)
            if name in LIVE:
                self.put(name, patched)
            else:
                (self.folder / name).write_text(patched)

    def start(self, **patches: Callable[[str], str]) -> None:
        """Write the files, start run.sh and wait until the port answers."""
        self.write(**patches)
        self.run()
        self.wait()

    def run(self) -> None:
        """Start run.sh and wait for nothing."""
        with (self.folder / "envoy.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["bash", str(self.folder / "run.sh")],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], **self.environment},
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until the port accepts connections."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), self.connect():
                return
            time.sleep(0.02)
        pytest.fail(f"Envoy does not listen on {self.port}: {self.log[-3000:]}")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running run.sh."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        """What Envoy and run.sh printed."""
        return (self.folder / "envoy.log").read_text(errors="replace")

    def stop(self) -> None:
        """End it at once, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)

    def connect(self, seconds: float = PATIENCE) -> socket.socket:
        """Return a connection to the gateway's port."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send a request, its path and headers as they are written, and return the answer."""
        given = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_accept_encoding=True)
            if body is not None:
                given.append(("Content-Length", str(len(body))))
            for name, value in given:
                connection.putheader(name, value)
            connection.endheaders(body)
            return answer_of(connection.getresponse())

    def post(self, path: str, headers: Mapping[str, str] | None = None, document: Any = None) -> Answer:
        """Send a JSON request with the valid key, unless `headers` say other."""
        return self.ask(
            "POST", path, {**JSON, **(AUTH if headers is None else headers)}, json.dumps(document or {}).encode()
        )

    def raw(self, data: bytes, seconds: float = PATIENCE, answers: int = 1) -> bytes:
        """Send bytes and return all that comes back.

        That is until the gateway closes, says nothing for `seconds`, or nothing more after so many whole answers.
        """
        with self.connect(seconds) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            came = b""
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while part := connection.recv(1 << 16):
                    came += part
                    if whole_answers(came) >= answers:
                        connection.settimeout(QUIET_SECONDS)
            return came

    def admin(self, path: str) -> str:
        """Return what Envoy's own interface says to a GET."""
        address, _, port = (self.folder / "admin").read_text().rpartition(":")
        connection = http.client.HTTPConnection(address, int(port), timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def healthy(self, *more: str) -> tuple[int, str]:
        """Run the container's healthcheck, of one live file or of all; return its exit code and what it says."""
        command = ["bash", str(self.folder / "healthy.sh"), *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    def access_log(self, *answers: Answer) -> list[dict[str, Any]]:
        """Return the lines of the access log, half a second after those of `answers` were there."""
        file = self.folder / "log" / "access.log"
        ids = [answer.headers["helicone-id"].encode() for answer in answers]
        assert eventually(lambda: all(one in file.read_bytes() for one in ids)) is not None
        time.sleep(0.5)
        return [json.loads(line) for line in file.read_text().splitlines()]

    def worked(self) -> float:
        """Return the seconds of a processor that Envoy has used."""
        return process_seconds(int((self.folder / "envoy").read_text()))


def answer_of(response: http.client.HTTPResponse) -> Answer:
    """Return a response read to its end."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def whole_answers(came: bytes) -> int:
    """Return how many answers of HTTP/1.1 are there to their end, but for those that only the connection's end ends."""
    whole = 0
    while b"\r\n\r\n" in came:
        head, _, came = came.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 1"):
            continue
        if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
            _, end, came = (b"\r\n" + came).partition(b"\r\n0\r\n\r\n")
            if not end:
                break
        else:
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if not length or int(length[1]) > len(came):
                break
            came = came[int(length[1]) :]
        whole += 1
    return whole


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> float | None:
    """Return after how many seconds `condition` was true; None if it was not by then."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            return None
        time.sleep(0.02)
    return time.monotonic() - started


def free_port() -> int:
    """Return a TCP port that nothing listens on, and that nobody else is given while this process runs.

    It stays bound without listening, in the way in which Envoy and Caddy can listen on it all the same.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    kept.bind(("127.0.0.1", 0))
    KEPT.append(kept)
    return int(kept.getsockname()[1])


def envoy_program() -> str:
    """Return the path of Envoy; the test is left out where it is not installed."""
    packed = [Path(folder) / "envoy" / "_bin" / "envoy" for folder in sys.path]
    found = next((str(path) for path in packed if path.is_file()), None) or shutil.which("envoy")
    if not found:
        pytest.skip("Envoy is not installed (it comes with the extra `lab`)")
    return found
