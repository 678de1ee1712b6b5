"""The load generator (load.c): compiled when needed, run with one request, read back row by row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.layout import MODEL
from bench.layout import CACHE
from bench.shell import run

SOURCE = Path(__file__).with_name("load.c")
TIMEOUT_SECONDS = 60
PROMPT = (
    "You are the support desk of a small company that sells bicycles. Answer in one sentence and name the part. "
    "A customer writes: my chain jumps when I pedal hard uphill, it is two years old and was never changed. I have "
    "cleaned and oiled it twice, the gears are indexed well, and the cassette looks fine to me. What shall I buy?"
)


@dataclass(frozen=True)
class Answer:
    """One request, in microseconds since the start: when it was due, the body's first byte, its end."""

    due: int
    first: int
    end: int
    status: int
    size: int


@dataclass(frozen=True)
class Load:
    """What was asked for: connections, and as many requests as fit into `count` and `seconds`, whichever ends first.

    With a `rate` so many requests a second are due, however long answers take; without one every
    connection sends its next request when it has its answer.
    """

    connections: int
    count: int
    seconds: float = 3600
    rate: float = 0
    stream: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it: every request that was begun has a row in `answers`."""

    sent: int
    failed: int
    seconds: float
    processor_seconds: float
    answers: tuple[Answer, ...]


def program() -> Path:
    """Return the compiled generator; it is compiled once for each content of its source. Needs a C compiler."""
    made = CACHE / f"load-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}"
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        run(["cc", "-O2", "-Wall", "-o", str(made), str(SOURCE)])
    return made


def request_bytes(address: str, headers: Mapping[str, str], stream: bool) -> bytes:
    """Return a whole HTTP/1.1 request for a chat completion."""
    body: dict[str, object] = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    text = json.dumps(body).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        f"Host: {address}",
        "User-Agent: bench",
        "Accept: */*",
        "Content-Type: application/json",
        f"Content-Length: {len(text)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + text


def send(address: tuple[str, int], headers: Mapping[str, str], load: Load, rows: Path) -> Outcome:
    """Put a load on an address and return what came of it; `rows` is where the generator writes its rows."""
    request = rows.with_suffix(".request")
    request.write_bytes(request_bytes(f"{address[0]}:{address[1]}", headers, load.stream))
    numbers = (load.connections, load.count, load.seconds, load.rate, TIMEOUT_SECONDS)
    said = run(
        [str(program()), address[0], str(address[1]), str(request), *map(str, numbers), str(rows)],
        seconds=load.seconds + 10 * TIMEOUT_SECONDS,
    )
    request.unlink()  # it holds the key
    return Outcome(**json.loads(said.splitlines()[-1]), answers=read_rows(rows.read_text()))


def read_rows(text: str) -> tuple[Answer, ...]:
    """Return the generator's rows."""
    return tuple(Answer(*map(int, line.split())) for line in text.splitlines())
