"""Client load on the lab's gateways: requests at a steady rate, a fifth of them streams, each answer looked at.

Run as a program it prints a line of JSON for every request, and stops at the end of its standard
input or after its time; so commands can run, and things can be broken, while it goes on.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.lab.command import ROOT, clickhouse

STREAM_SHARE = 0.2
LONGEST_STREAM = 20
TIMEOUT = httpx2.Timeout(60, connect=10)


@dataclass(frozen=True)
class Sent:
    """One request: its id, when (seconds since the epoch) and where it was sent, and what was wrong with its answer."""

    id: str
    at: float
    url: str
    streamed: bool
    problem: str


@dataclass
class Load:
    """Load that goes on beside a test."""

    process: subprocess.Popen[str] = field(repr=False)

    def end(self) -> list[Sent]:
        """Stop sending, wait for the answers that are under way, and return all requests."""
        out, _ = self.process.communicate("", timeout=120)
        assert self.process.returncode == 0, f"the load generator failed: {out[-500:]}"
        return [Sent(**json.loads(line)) for line in out.splitlines()]


def start(urls: Sequence[str], key: str, authorities: str, rate: float = 50) -> Load:
    """Start load on gateways; their keys and authorities go through standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.load"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps({"urls": list(urls), "key": key, "authorities": authorities, "rate": rate}) + "\n")
    process.stdin.flush()
    return Load(process)


def failures(sent: Sequence[Sent]) -> list[Sent]:
    """Return the requests whose client did not get a whole answer."""
    return [one for one in sent if one.problem]


def stored(sent: Sequence[Sent], seconds: float) -> dict[str, tuple[int, float]]:
    """Return for each request how many rows ClickHouse has and the time of the first, waiting for missing ones."""
    deadline = time.monotonic() + seconds
    since = int(min(one.at for one in sent)) - 60
    wanted = {one.id for one in sent}
    while True:
        lines = clickhouse(
            "SELECT toString(request_id), count(), min(toFloat64(request_created_at)) FROM"
            f" default.request_response_rmt WHERE request_created_at >= toDateTime({since}) GROUP BY request_id"
        )
        rows = {name: (int(count), float(at)) for name, count, at in (line.split("\t") for line in lines)}
        found = {name: row for name, row in rows.items() if name in wanted}
        if len(found) == len(wanted) or time.monotonic() > deadline:
            return found
        time.sleep(5)  # the query is heavy, and delivery goes on beside it


async def _request(client: httpx2.AsyncClient, url: str, key: str) -> Sent:
    """Send one request and look at its whole answer."""
    streamed = random.random() < STREAM_SHARE  # noqa: S311 - a share of requests
    identifier, at = str(uuid.uuid4()), time.time()
    seconds = random.randint(1, LONGEST_STREAM)  # noqa: S311 - see above
    body = {
        "model": f"stream-{seconds}" if streamed else "gpt-4o-mini", "stream": streamed,
        "messages": [{"role": "user", "content": f"request {identifier}"}],
    }  # fmt: skip
    headers = {"Helicone-Auth": f"Bearer {key}", "Authorization": "Bearer sk-lab", "Helicone-Request-Id": identifier}
    try:
        async with client.stream("POST", f"{url}/chat/completions", json=body, headers=headers) as answer:
            text = (await answer.aread()).decode()
        problem = _problem(answer, text, streamed, identifier)
    except Exception as error:  # noqa: BLE001 - whatever it was, the client had no answer
        problem = f"{type(error).__name__}: {error}"
    return Sent(identifier, at, url, streamed, problem)


def _problem(answer: httpx2.Response, text: str, streamed: bool, identifier: str) -> str:
    if answer.status_code != 200:
        return f"{answer.status_code}: {text[:200]}"
    if answer.headers.get("helicone-id") != identifier:
        return f"helicone-id {answer.headers.get('helicone-id')}"
    if streamed:
        return "" if text.rstrip().endswith("data: [DONE]") else f"truncated after {len(text)} characters"
    return "" if json.loads(text)["usage"]["total_tokens"] else "no usage"


async def _run(order: dict[str, Any]) -> None:
    """Send requests on their beat until standard input ends, then wait for the answers."""
    context = ssl.create_default_context(cadata=order["authorities"] or None)
    limits = httpx2.Limits(max_connections=2000, max_keepalive_connections=100, keepalive_expiry=30)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: ended.set() if not sys.stdin.read(1) else None)
    async with httpx2.AsyncClient(verify=context, limits=limits, timeout=TIMEOUT) as client:
        tasks, beat, started = [], 0, time.monotonic()
        while not ended.is_set():
            url = order["urls"][beat % len(order["urls"])]
            tasks.append(asyncio.create_task(_request(client, url, order["key"])))
            beat += 1
            await asyncio.sleep(max(0.0, started + beat / order["rate"] - time.monotonic()))
        for sent in await asyncio.gather(*tasks):
            print(json.dumps(sent.__dict__))


if __name__ == "__main__":
    asyncio.run(_run(json.loads(sys.stdin.readline())))
