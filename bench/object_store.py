"""`python -m bench.object_store 40000`: what the bundled object store costs beside so many stored requests.

It fills a folder as Helicone does, a folder for each request, runs `rclone serve s3` on it as the container does, open
to loopback without keys, and writes and reads 300 bodies by one connection. Words after the number are rclone's flags:
without any it is what the template sets; `--no-unicode-normalization=false` is what rclone does by itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from os import sysconf
from pathlib import Path

from bench.progress import say

REQUESTS = "bucket/organizations/o/requests"
BODY = b'{"request":"' + b"x" * 2_000 + b'"}'
TIMES = 300


def fill(folder: Path, count: int) -> None:
    """Make `count` stored requests below a folder."""
    for _ in range(count):
        place = folder / REQUESTS / str(uuid.uuid4())
        place.mkdir(parents=True)
        (place / "request_response_body").write_bytes(BODY)


def processor_seconds(process: int) -> float:
    """Return what a process has used of a processor so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


def resident_megabytes(process: int) -> float:
    """Return how much memory a process has."""
    (line,) = (line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def measure(count: int, flags: list[str]) -> None:
    """Run the store beside `count` requests and say what the first and the further bodies cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, count)
        rclone = Path(sys.executable).parent / "rclone"
        server = subprocess.Popen(
            [rclone, "serve", "s3", folder, "--addr", "127.0.0.1:0", "--no-unicode-normalization", *flags],
            stderr=subprocess.PIPE, text=True, env={"HOME": name},
        )  # fmt: skip
        assert server.stderr is not None  # noqa: S101 - stderr=PIPE gives one
        try:
            port = next(found[1] for line in server.stderr if (found := re.search(r"127\.0\.0\.1:(\d+)/", line)))
            with closing(HTTPConnection("127.0.0.1", int(port))) as store:
                _say("the first, which makes it list the folder", server.pid, 1, lambda: _put(store))
                written = _say("writing", server.pid, TIMES, lambda: _put(store))
                _say("reading", server.pid, TIMES, lambda: _ask(store, "GET", written))
            say(f"memory: {resident_megabytes(server.pid):.0f} MB")
        finally:
            server.terminate()
            server.wait()
            server.stderr.close()


def _say(what: str, process: int, times: int, call: Callable[[], str]) -> str:
    before = processor_seconds(process)
    for _ in range(times):
        result = call()
    say(f"{what}: {(processor_seconds(process) - before) * 1000 / times:.2f} ms of processor time each")
    return result


def _put(store: HTTPConnection) -> str:
    return _ask(store, "PUT", f"/{REQUESTS}/{uuid.uuid4()}/request_response_body")


def _ask(store: HTTPConnection, method: str, path: str) -> str:
    store.request(method, path, BODY if method == "PUT" else None)
    answer = store.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status}")
    return path


if __name__ == "__main__":
    measure(int(sys.argv[1]), sys.argv[2:])
