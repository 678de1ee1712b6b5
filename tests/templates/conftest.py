"""Runs the rendered proxies, the real Caddy and the real Envoy, in front of servers that say what reached them."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.render.templates import render_template
from tests.templates.running_envoy import KEY, PATIENCE, Gateway, answer_of, free_port
from tests.templates.stand_ins import Answer, Echo, RecorderStandIn, serve_echo


def caddy_program() -> str:
    beside = Path(sys.executable).with_name("caddy")
    found = str(beside) if beside.is_file() else shutil.which("caddy")
    if not found:
        pytest.skip("the Caddy binary is not installed (it comes with the extra `lab`)")
    return found


@pytest.fixture
def echo() -> Iterator[Callable[[], Echo]]:
    """Return a maker of echoing servers."""
    with contextlib.ExitStack() as servers:

        def make() -> Echo:
            record, server = serve_echo()
            servers.callback(server.server_close)
            servers.callback(server.shutdown)
            return record

        yield make


@dataclass
class Caddy:
    """A running Caddy: where its log is, and which port here stands for which in the template."""

    ports: Mapping[int, int]
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        port: int = 3000,
    ) -> Answer:
        """Send a request, its path as it is written, and return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=dict(headers or {}))
            return answer_of(connection.getresponse())


@pytest.fixture
def caddy(tmp_path: Path) -> Iterator[Callable[..., Caddy]]:
    """Return a starter of Caddy on a rendered template, its fixed ports replaced by free ones."""
    program = caddy_program()
    running: list[subprocess.Popen[bytes]] = []

    def start(template: str, fixed: tuple[int, ...], context: Mapping[str, Any]) -> Caddy:
        text = render_template(template, context)
        ports = {port: free_port() for port in fixed}
        for port, free in ports.items():
            text = text.replace(f"://127.0.0.1:{port} {{", f"://127.0.0.1:{free} {{")
            text = text.replace(f"\n:{port} {{", f"\nhttp://127.0.0.1:{free} {{")
        config = tmp_path / "Caddyfile"
        config.write_text(text)
        log = tmp_path / "caddy.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "run", "--config", str(config), "--adapter", "caddyfile"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "PATH": os.environ["PATH"]},
            )
        running.append(process)
        for free in ports.values():
            wait_for(free, process, log)
        return Caddy(ports, log)

    yield start
    for process in running:
        process.kill()
        process.wait(PATIENCE)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE):
            return
        time.sleep(0.02)
    pytest.fail(f"Caddy does not listen on {port}: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def prepare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Gateway]]:
    """Return a maker of gateways that do not run yet, with a provider and a recorder of their own."""
    with contextlib.ExitStack() as left:

        def make(*settings: str) -> Gateway:
            provider, server = serve_echo()
            left.callback(server.server_close)
            left.callback(server.shutdown)
            folder = tmp_path_factory.mktemp("gateway")
            recorder = RecorderStandIn(folder)
            left.callback(recorder.close)
            made = Gateway(folder, provider, recorder, *settings)
            left.callback(made.stop)
            return made

        yield make


@pytest.fixture(scope="module")
def started(prepare: Callable[..., Gateway]) -> Callable[..., Gateway]:
    """Return a starter of gateways with these settings, which know the key `KEY`."""

    def start(*settings: str) -> Gateway:
        made = prepare(*settings)
        made.allow(KEY)
        made.start()
        return made

    return start


@pytest.fixture(scope="module")
def gateway(started: Callable[..., Gateway]) -> Gateway:
    """Return the gateway as it is shipped, shared by a module's tests."""
    return started()
