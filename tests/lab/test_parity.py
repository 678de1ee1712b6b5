"""The same 200 requests through jawn (`gateway.recording: inline`) and recorded at the edge give rows that agree.

What differs is listed in parity_differences.py, and only that; docs/reference/parity.md says why.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from tests.lab.command import ROOT, authorities, clickhouse, gateway, http, lab, secret
from tests.lab.parity_differences import DIFFERENCES, UNSEEN, Difference, Row
from tests.lab.parity_requests import Case, Sent, cases, send, without_chance

PROVIDER = "http://172.30.87.6:8080"
HOSTS = ("app1", "app2")
ROWS_WITHIN = 60.0
# Milliseconds: the recorder takes the time when it sees a request, and on a busy machine the client comes first.
TOLERANCE = 500
COMPARED = (
    "status", "model", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cost", "provider", "user_id",
    "properties", "prompt_id", "target_url", "request_body", "response_body", "response_id", "size_bytes",
    "storage_location", "request_referrer",
)  # fmt: skip
CASES = {case.name: case for case in cases()}
# What each provider is called with: its base URL's path.
BASES = {
    "openai": "/v1", "modelscope": "/modelscope/v1", "dashscope": "/dashscope/compatible-mode/v1",
    "deepseek": "/deepseek/v1", "anthropic": "/anthropic/v1",
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """All requests sent one way: how they went, their rows, and what the provider saw of them."""

    sent: Mapping[str, Sent]
    rows: Mapping[str, Row] = field(repr=False)
    hits: Mapping[str, int] = field(repr=False)
    header_names: frozenset[str] = field(repr=False)


def rows_of(sent: Mapping[str, Sent]) -> dict[str, Row]:
    """Return each request's only row, waiting for all."""
    names = {one.id.lower(): name for name, one in sent.items()}
    listed = ",".join(f"'{identifier}'" for identifier in names)
    where = f"FROM default.request_response_rmt WHERE request_id IN ({listed})"
    deadline = time.monotonic() + ROWS_WITHIN
    while int(clickhouse(f"SELECT count() {where}")[0]) < len(names) and time.monotonic() < deadline:
        time.sleep(1)
    columns = "toUnixTimestamp64Milli(request_created_at) AS created, latency, time_to_first_token"
    found = clickhouse(f"SELECT request_id, {columns}, {', '.join(COMPARED)} {where} FORMAT JSONEachRow")
    rows: dict[str, Row] = {}
    for line in found:
        row = json.loads(line)
        name = names[row["request_id"]]
        assert name not in rows, f"{name} has two rows"
        rows[name] = {
            **row, "response_body": without_chance(row["response_body"]), "cost": int(row["cost"] or 0),
            "size_bytes": int(row["size_bytes"]), "status": int(row["status"]),
        }  # fmt: skip
    missing = sorted(set(sent) - set(rows))
    assert not missing, f"{len(missing)} of {len(sent)} have no row: {missing[:10]}"
    return rows


def deploy(*settings: str) -> None:
    result = lab("deploy", "--yes", *settings)
    assert result.code == 0, result.text


def run() -> Run:
    """Send all requests, and look at what came of it."""
    http("POST", f"{PROVIDER}/lab/reset", {})
    urls = [gateway(host) for host in HOSTS]
    sent = send(list(CASES.values()), urls, secret("helicone_api_key"), authorities())
    seen = json.loads(http("GET", f"{PROVIDER}/lab/hits")[2])
    return Run(sent, rows_of(sent), seen["paths"], frozenset(seen["header_names"]))


@pytest.fixture(scope="module")
def inline(deployed: None) -> Iterator[Run]:
    """Send everything through jawn; tests that ask for no more see the lab as it is then."""
    deploy("--set", "gateway.recording=inline")
    try:
        yield run()
    finally:
        deploy()


@pytest.fixture(scope="module")
def edge(inline: Run) -> Run:
    """Send everything past jawn."""
    deploy()
    return run()


@pytest.fixture(params=["inline", "edge"])
def either(request: pytest.FixtureRequest) -> Run:
    """Give the run of each way."""
    found: Run = request.getfixturevalue(request.param)
    return found


def ask(path: str = "chat/completions", **headers: str) -> tuple[int, dict[str, str], str]:
    """Send a small completion with the given headers."""
    body = {"model": "gpt-4o-mini", "messages": []}
    return http("POST", f"{gateway('app1')}/{path}", body, Authorization="Bearer sk-lab", **headers)


def test_there_are_200_requests_of_every_kind():
    assert len(CASES) == len(cases()) == 200
    assert {case.provider for case in CASES.values()} == set(BASES)
    assert sum(case.streamed for case in CASES.values()) > 60


@pytest.mark.parametrize("key", ["", "Bearer sk-helicone-aaaaaaa-bbbbbbb-ccccccc-ddddddd", "Bearer sk-lab"])
def test_inline_a_key_is_checked_before_jawn_which_would_not(inline, key):
    before = json.loads(http("GET", f"{PROVIDER}/lab/hits")[2])["total"]
    status, _, text = ask(**({"Helicone-Auth": key} if key else {}))
    assert (status, json.loads(text)["error"]["code"]) == (401, "invalid_api_key")
    assert json.loads(http("GET", f"{PROVIDER}/lab/hits")[2])["total"] == before


def test_inline_what_jawn_cannot_carry_goes_to_the_provider(inline):
    valid = {"Helicone-Auth": f"Bearer {secret('helicone_api_key')}", "Authorization": "Bearer sk-lab"}
    status, headers, text = http("GET", f"{gateway('app1')}/models", None, **valid)
    assert (status, headers["helicone-recorded"]) == (200, "no")
    assert json.loads(text)["data"]
    status, headers, text = ask("audio/transcriptions", **{"Helicone-Auth": valid["Helicone-Auth"]})
    assert (status, headers["helicone-recorded"]) == (400, "no")
    assert "the form has no file" in text, "jawn would ask api.openai.com"


def test_every_request_has_its_answer_and_its_id(either):
    for name, case in CASES.items():
        sent = either.sent[name]
        steered, _, number = str(case.body["model"]).partition("-")
        assert sent.status == (int(number) if steered == "error" else 200), name
        assert sent.broken is (steered == "cut"), name
        if case.id_sent in {"fresh", "UPPER"}:
            assert sent.id == sent.wanted.lower(), name
        else:
            assert sent.id != sent.wanted, name
            assert len(sent.id) == 36, name


def test_the_provider_is_asked_at_its_own_address_and_sees_nothing_of_helicone(either):
    expected: dict[str, int] = {}
    for case in CASES.values():
        path = f"POST {BASES[case.provider]}/{case.path.partition('?')[0]}"
        expected[path] = expected.get(path, 0) + 1
    assert either.hits == expected
    hidden = ("helicone-", "x-gateway-", "x-forwarded-", "x-envoy-")
    assert [name for name in either.header_names if name.startswith(hidden)] == []


def test_times_are_those_of_the_request(either):
    for name, case in CASES.items():
        row, sent = either.rows[name], either.sent[name]
        latency, first = int(row["latency"]), int(row["time_to_first_token"])
        assert sent.at - 2 < int(row["created"]) / 1000 < sent.at + sent.took + 2, name
        assert 0 <= latency <= sent.took * 1000 + TOLERANCE, name
        assert 0 <= first <= latency if case.streamed else first == 0, name
        if case.name.endswith("/slow"):
            assert latency >= 1000 - TOLERANCE, name


def test_streams_are_stored_as_one_answer(either):
    for name, case in CASES.items():
        told = json.loads(either.rows[name]["response_body"])
        assert "helicone_error" not in told, name
        if case.streamed and either.sent[name].status == 200 and not case.has("helicone-omit-response"):
            assert told.get("choices") or told.get("output") or told.get("content"), name


@dataclass(frozen=True)
class Disagreement:
    """A column of a request's two rows that is not the same."""

    case: Case
    column: str
    inline: Row = field(repr=False)
    edge: Row = field(repr=False)

    def explained_by(self, *listed: Difference) -> bool:
        """Return whether one of these differences says that it may be so."""
        return any(one.column == self.column and one.known(self.case, self.inline, self.edge) for one in listed)

    def text(self) -> str:
        """Return both values, shortened."""
        return f"{self.case.name}: {self.column}: {self.inline[self.column]!r:.300} / {self.edge[self.column]!r:.300}"


@pytest.fixture(scope="module")
def disagreements(inline: Run, edge: Run) -> list[Disagreement]:
    """Give all that differs."""
    return [
        Disagreement(case, column, inline.rows[name], edge.rows[name])
        for name, case in CASES.items() for column in COMPARED
        if inline.rows[name][column] != edge.rows[name][column]
    ]  # fmt: skip


def test_rows_agree_in_all_that_is_not_listed(disagreements):
    unknown = [found for found in disagreements if not found.explained_by(*DIFFERENCES)]
    assert not unknown, f"{len(unknown)} differ:\n" + "\n".join(found.text() for found in unknown[:40])


def test_what_is_listed_still_differs(disagreements):
    assert [one.name for one in DIFFERENCES if not any(found.explained_by(one) for found in disagreements)] == []


def test_the_document_names_each_difference():
    document = (ROOT / "docs/reference/parity.md").read_text()
    names = [*(one.name.partition(" (")[0] for one in DIFFERENCES), *UNSEEN]
    assert [name for name in names if f"**{name}**" not in document] == []
