"""What an inventory may ask for: a rate, networks, a key for those without, and the way through jawn."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.templates.running_envoy import AUTH, JSON, KEY, PATIENCE, Gateway, answer_of, eventually
from tests.templates.stand_ins import Answer

OTHER = "sk-helicone-another-another-another-another"
Start = Callable[..., Gateway]


def ask_from(gateway: Gateway, address: str, path: str) -> Answer:
    """Send a request from one of this machine's own addresses."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE, source_address=(address, 0))
    connection.request("GET", path, headers=AUTH)
    answer = answer_of(connection.getresponse())
    connection.close()
    return answer


def test_each_key_has_its_own_requests_of_a_minute(prepare: Start) -> None:
    gateway = prepare("gateway.requests_per_minute=5")
    gateway.allow(KEY, OTHER)
    gateway.start()
    forms = [AUTH, {"Authorization": f"Bearer p, Bearer {KEY}"}, {"Helicone-Auth": f"bearer  {KEY}"}]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: gateway.post("/v1/embeddings", forms[number % 3]), range(12)))

    refused = [answer for answer in answers if answer.status != 200]
    assert [answer.status for answer in refused] == [429] * 7
    error = refused[0].document["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert len(gateway.provider.received) == 5
    assert not [name for name in refused[0].headers if name.startswith("helicone")]
    logged = {line["status"] for line in gateway.access_log(*(answer for answer in answers if answer.status == 200))}
    assert logged == {200}, "what was not let in is no gap of the recorder's"
    assert gateway.post("/v1/embeddings", {"Helicone-Auth": f"Bearer {OTHER}"}).status == 200
    forged = {"Helicone-Auth": f"Bearer {KEY}", "X-Gateway-Key-Id": "another"}
    assert gateway.post("/v1/embeddings", forged).status == 429
    assert gateway.post("/v1/embeddings", {"Helicone-Auth": "Bearer sk-helicone-x"}).status == 401


def test_only_the_networks_that_are_listed_get_in(started: Start) -> None:
    gateway = started("gateway.allow_from=[127.0.3.0/24, '2001:db8::/32']")

    refused = ask_from(gateway, "127.0.4.1", "/v1/models")

    assert (refused.status, refused.document["error"]["code"]) == (403, "forbidden")
    assert gateway.provider.received == []
    assert ask_from(gateway, "127.0.3.9", "/v1/models").status == 200
    assert ask_from(gateway, "127.0.0.1", "/healthz").status == 200, "the container's own healthcheck"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Envoy-External-Address"])
def test_an_address_that_is_only_claimed_counts_for_nothing(started: Start, name: str) -> None:
    gateway = started("gateway.allow_from=[10.0.0.0/8]")
    source = ("127.0.0.2", 0)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE, source_address=source)
    connection.request("GET", "/v1/models", headers={**AUTH, name: "10.0.0.1"})

    assert answer_of(connection.getresponse()).status == 403
    connection.close()


def test_a_route_may_bring_its_own_key(prepare: Start) -> None:
    gateway = prepare("providers.deepseek.inject_key=true")
    gateway.allow(KEY)
    gateway.environment = {"INJECTED_KEY": KEY}
    gateway.start()

    answer = gateway.post("/deepseek/v1/chat/completions", {"Authorization": "Bearer p"})

    assert (answer.status, answer.document["headers"]["authorization"]) == (200, "Bearer p")
    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert (record.key, record.provider) == (f"Bearer {KEY}", "deepseek")
    assert KEY not in str(answer.document)
    for path, headers in (
        ("/v1/chat/completions", {"Authorization": "Bearer p"}),
        ("/modelscope/v1/chat/completions", {"Authorization": "Bearer p"}),
        ("/deepseek/v1/chat/completions", {"Helicone-Auth": "Bearer sk-helicone-wrong"}),
        ("/deepseek/v1/chat/completions", {"Authorization": "Bearer p, Bearer sk-helicone-wrong"}),
    ):
        assert gateway.post(path, headers).status == 401


def test_a_route_whose_own_key_is_not_valid_lets_nobody_in(prepare: Start) -> None:
    gateway = prepare("providers.deepseek.inject_key=true")
    gateway.allow(KEY)
    gateway.start()  # without INJECTED_KEY

    assert gateway.post("/deepseek/v1/chat/completions", {"Authorization": "Bearer p"}).status == 401
    assert gateway.post("/deepseek/v1/chat/completions").status == 200


@pytest.fixture(scope="module")
def inline(started: Start) -> Gateway:
    """Return a gateway that sends what Helicone can record through jawn; the provider stands for jawn as well."""
    return started("gateway.recording=inline")


@pytest.mark.parametrize(
    ("path", "arrives", "target"),
    [
        ("/v1/chat/completions?a=b", "/v1/gateway/oai/v1/chat/completions?a=b", "http://127.0.0.1:9101/v1"),
        ("/openai/v1/embeddings", "/v1/gateway/oai/v1/embeddings", "http://127.0.0.1:9101/v1"),
        (
            "/dashscope/v1/completions",
            "/v1/gateway/oai/compatible-mode/v1/completions",
            "http://127.0.0.1:9111/v1",
        ),
        (
            "/anthropic/v1/messages",
            "/v1/gateway/anthropic/anthropic/v1/messages",
            "http://127.0.0.1:9110/v1",
        ),
    ],
)
def test_inline_jawn_gets_what_it_needs_to_forward_and_record(
    inline: Gateway, path: str, arrives: str, target: str
) -> None:
    own = "11111111-2222-4333-8444-555555555555"
    sent = {
        "Authorization": f"Bearer p, Bearer {KEY}",
        "Helicone-Request-Id": own,
        "Helicone-Property-Team": "a",
        "Accept-Encoding": "gzip",
    }

    answer = inline.post(path, sent)

    assert (answer.status, answer.document["path"]) == (200, arrives)
    headers = answer.document["headers"]
    assert headers["helicone-auth"] == f"Bearer {KEY}"
    assert headers["helicone-target-url"] == target
    assert headers["helicone-request-id"] == own
    assert headers["helicone-property-team"] == "a"
    assert headers["authorization"] == "Bearer p"
    assert headers["accept-encoding"] == "identity"
    assert (answer.headers["helicone-id"], answer.headers["helicone-recorded"]) == (own, "yes")
    assert not [name for name in headers if name.startswith(("x-gateway", "x-envoy", "x-forwarded"))]


def test_inline_a_caller_chooses_neither_target_nor_fallback(inline: Gateway) -> None:
    wanted = {
        "Helicone-Target-Url": "http://clickhouse:8123/x.openai.azure.com",
        "Helicone-OpenAI-Api-Base": "https://api.groq.com@other.example",
        "Helicone-Fallbacks": "no json",
        "Helicone-Gateway-Mode": "x",
        "Cookie": "session=secret",
    }

    document = inline.post("/v1/chat/completions", {**AUTH, **wanted}).document

    assert document["headers"]["helicone-target-url"] == "http://127.0.0.1:9101/v1"
    assert not {name.lower() for name in wanted if name != "Helicone-Target-Url"} & set(document["headers"])
    assert document["names"].count("helicone-target-url") == 1


def test_inline_the_rest_goes_to_the_provider_and_nothing_to_the_recorder(inline: Gateway) -> None:
    listed = inline.ask("GET", "/dashscope/v1/models", {**AUTH, "Helicone-User-Id": "u"})
    upload = inline.ask("POST", "/v1/files", {**AUTH, "Content-Type": "multipart/form-data; boundary=x"}, b"x")
    recorded = inline.ask("POST", "/v1/chat/completions", {**AUTH, **JSON}, b"{}")

    assert listed.document["path"] == "/compatible-mode/v1/models"
    assert upload.document["path"] == "/v1/files"
    for answer in (listed, upload):
        assert answer.headers["helicone-recorded"] == "no"
        assert "helicone" not in str(answer.document["headers"])
    assert inline.recorder.of(recorded.headers["helicone-id"], seconds=0.3) is None


def test_inline_what_passes_jawn_by_while_another_release_takes_over_is_told_and_counted(started: Start) -> None:
    gateway = started("gateway.recording=inline")

    gateway.deliver("gateway.recording=edge")  # as the agent does before it starts the successor
    passed = gateway.post("/v1/chat/completions")
    listed = gateway.ask("GET", "/v1/models", AUTH)

    assert (passed.status, passed.document["path"]) == (200, "/v1/chat/completions")
    assert "helicone" not in str(passed.document["headers"])
    assert (passed.headers["helicone-recorded"], listed.headers["helicone-recorded"]) == ("no", "no")
    gateway.access_log(passed, listed)
    assert eventually(lambda: gateway.recorder.count("gaps_total") == 1) is not None

    gateway.deliver()
    recorded = gateway.post("/v1/chat/completions")

    assert recorded.document["path"] == "/v1/gateway/oai/v1/chat/completions"
    assert recorded.headers["helicone-recorded"] == "yes"
    gateway.access_log(recorded)
    assert gateway.recorder.count("gaps_total") == 1


def test_inline_nobody_gets_to_jawn_without_a_key(inline: Gateway) -> None:
    before = len(inline.provider.received)

    assert inline.post("/v1/chat/completions", {"Authorization": "Bearer p"}).status == 401
    assert inline.post("/v1/gateway/oai/v1/chat/completions", {}).status == 401
    assert len(inline.provider.received) == before
