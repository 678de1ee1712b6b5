"""Who may pass the gateway: requests with a valid Helicone key, in any form that Helicone knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.templates.running_envoy import AUTH, KEY, REVOKED, Gateway, eventually

UNKNOWN = "sk-helicone-unknown-unknown-unknown-unknown"
# As long as makes every shape of SHA-256's padding: it hashes `Bearer <key>` in blocks of 64 bytes.
LENGTHS = (20, 54, 55, 56, 62, 63, 64, 65, 118, 119, 120, 127, 128, 129, 183, 199)


def key_of(length: int) -> str:
    """Return a key with which `Bearer <key>` has so many bytes."""
    start = f"sk-helicone-{length}-"
    return start + "x" * (length - len("Bearer ") - len(start))


@pytest.mark.parametrize("length", LENGTHS)
def test_a_key_is_hashed_as_helicone_hashes_it(gateway: Gateway, length: int) -> None:
    gateway.allow(KEY, *(key_of(one) for one in LENGTHS))
    headers = {"Helicone-Auth": f"Bearer {key_of(length)}"}

    assert eventually(lambda: gateway.ask("GET", "/v1/models", headers).status == 200) is not None
    assert gateway.ask("GET", "/v1/models", {"Helicone-Auth": f"Bearer {key_of(length)}y"}).status == 401


def test_a_longer_key_than_there_are_is_not_even_hashed(gateway: Gateway) -> None:
    gateway.allow(KEY, key_of(200))
    time.sleep(1.1)

    assert gateway.ask("GET", "/v1/models", AUTH).status == 200
    assert gateway.ask("GET", "/v1/models", {"Helicone-Auth": f"Bearer {key_of(200)}"}).status == 401


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"Helicone-Auth": f"Bearer {KEY}", "Authorization": "Bearer p"}, "Bearer p"),
        ({"Helicone-Auth": f"bearer {KEY}", "Authorization": "Bearer p"}, "Bearer p"),
        ({"Helicone-Auth": f"Bearer   {KEY}", "Authorization": "Bearer p"}, "Bearer p"),
        ({"Helicone-Auth": KEY, "Authorization": "Bearer p"}, "Bearer p"),
        ({"Authorization": f"Bearer p, Bearer {KEY}"}, "Bearer p"),
        ({"Authorization": f"Bearer p,Bearer {KEY}"}, "Bearer p"),
        ({"Authorization": f"Bearer {KEY}, Bearer p"}, "Bearer p"),
        ({"Authorization": f"Bearer {KEY}"}, None),
        ({"Helicone-Auth": f"Bearer {KEY}"}, None),
        ({"Helicone-Auth": f"Bearer {KEY}", "Authorization": "Basic dTpw"}, "Basic dTpw"),
        ({"Helicone-Auth": f"Bearer {KEY}", "Authorization": f"Bearer p, Bearer {KEY}"}, "Bearer p"),
        ({"Helicone-Auth": f"Bearer {KEY}", "Authorization": f"Bearer p, Bearer {UNKNOWN}"}, "Bearer p"),
        ({"Helicone-Auth": f"Bearer {KEY}", "Authorization": KEY}, None),
        ({"Helicone-Auth": f"Bearer {KEY}", "Authorization": f"Bearer p, {KEY}"}, "Bearer p"),
        ({"Helicone-Auth": f"Bearer {KEY}", "Authorization": f"Basic {KEY}"}, None),
        ({"Authorization": f"Bearer p, {KEY}"}, "Bearer p"),
    ],
)
def test_every_form_of_a_key_passes_and_the_provider_gets_its_own_only(
    gateway: Gateway, headers: dict[str, str], left: str | None
) -> None:
    answer = gateway.ask("GET", "/v1/models", headers)

    assert answer.status == 200
    assert answer.document["headers"].get("authorization") == left
    assert "helicone" not in str(answer.document["headers"])


@pytest.mark.parametrize("name", ["X-Api-Key", "Api-Key"])
@pytest.mark.parametrize("auth", [{"Helicone-Auth": f"Bearer {KEY}"}, {"Authorization": f"Bearer p, Bearer {KEY}"}])
def test_a_key_in_the_place_of_the_providers_reaches_no_provider(
    gateway: Gateway, name: str, auth: dict[str, str]
) -> None:
    for given, left in ([KEY], None), ([f"Bearer {KEY}"], None), ([KEY, "p"], "p"), (["p"], "p"), (["sk-a"], "sk-a"):
        answer = gateway.ask("GET", "/anthropic/v1/models", [*auth.items(), *((name, value) for value in given)])

        assert answer.status == 200
        assert answer.document["headers"].get(name.lower()) == left
        assert "helicone" not in str(answer.document["headers"])


def test_a_key_in_the_place_of_the_providers_does_not_choose_the_provider(prepare: Callable[..., Gateway]) -> None:
    gateway = prepare("providers.deepseek.key_prefix=sk-h")
    gateway.allow(KEY)
    gateway.start()

    for given, path in ((KEY, "/v1/models"), ("sk-h-1", "/deepseek/v1/models")):
        answer = gateway.ask("GET", "/v1/models", {"Helicone-Auth": f"Bearer {KEY}", "X-Api-Key": given})
        assert answer.document["path"] == path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer provider"},
        {"Authorization": "Bearer provider, Bearer other"},
        {"Helicone-Auth": ""},
        {"Helicone-Auth": "Bearer "},
        {"Helicone-Auth": "Bearer sk-helicone-"},
        {"Helicone-Auth": f"Bearer {UNKNOWN}"},
        {"Authorization": f"Bearer provider, Bearer {UNKNOWN}"},
        {"Helicone-Auth": f"Bearer {UNKNOWN}", "Authorization": f"Bearer provider, Bearer {KEY}"},
    ],
)
def test_without_a_valid_key_nothing_reaches_the_provider(gateway: Gateway, headers: dict[str, str]) -> None:
    before = len(gateway.provider.received)

    answer = gateway.post("/v1/chat/completions", headers)

    assert answer.status == 401
    assert answer.document["error"]["code"] == "invalid_api_key"
    assert "helicone-id" not in answer.headers
    assert len(gateway.provider.received) == before


def test_two_helicone_keys_are_refused(gateway: Gateway) -> None:
    before = len(gateway.provider.received)

    answer = gateway.ask("GET", "/v1/models", [*AUTH.items(), ("Helicone-Auth", AUTH["Helicone-Auth"])])

    assert (answer.status, answer.document["error"]["code"]) == (400, "bad_request")
    assert len(gateway.provider.received) == before


def test_two_authorizations_are_the_form_with_a_comma(gateway: Gateway) -> None:
    headers = [("Authorization", "Bearer p"), ("Authorization", f"Bearer {KEY}")]

    answer = gateway.ask("GET", "/v1/models", headers)

    assert answer.document["headers"]["authorization"] == "Bearer p"
    assert answer.document["names"].count("authorization") == 1


def test_a_revoked_key_is_refused_within_two_seconds_in_every_thread(gateway: Gateway) -> None:
    headers = {"Helicone-Auth": f"Bearer {REVOKED}"}
    gateway.allow(KEY, REVOKED)
    assert eventually(lambda: gateway.ask("GET", "/v1/models", headers).status == 200) is not None

    gateway.allow(KEY)
    time.sleep(1.5)
    with ThreadPoolExecutor(16) as pool:  # each on a connection of its own, so in any of Envoy's threads
        statuses = set(pool.map(lambda _: gateway.ask("GET", "/v1/models", headers).status, range(48)))
    assert statuses == {401}
    assert gateway.ask("GET", "/v1/models", AUTH).status == 200


def test_until_the_list_was_read_everybody_is_refused_and_afterwards_it_stays_in_force(
    prepare: Callable[..., Gateway],
) -> None:
    gateway = prepare()
    gateway.start()

    answer = gateway.post("/v1/chat/completions")
    assert (answer.status, answer.document["error"]["code"]) == (503, "gateway_unavailable")
    assert gateway.ask("GET", "/healthz").status == 200
    assert gateway.provider.received == []

    gateway.allow(KEY)
    assert eventually(lambda: gateway.ask("GET", "/v1/models", AUTH).status == 200) is not None
    time.sleep(1.1)
    assert {gateway.ask("GET", "/v1/models", AUTH).status for _ in range(8)} == {200}  # read in every thread

    (gateway.folder / "keys" / "keys").unlink()
    time.sleep(1.1)
    assert {gateway.ask("GET", "/v1/models", AUTH).status for _ in range(8)} == {200}

    gateway.allow()
    assert eventually(lambda: gateway.ask("GET", "/v1/models", AUTH).status == 401) is not None


def test_a_script_that_fails_lets_nobody_pass(prepare: Callable[..., Gateway]) -> None:
    """Envoy itself would pass the request on, unchecked."""
    gateway = prepare()
    gateway.allow(KEY)
    rendered = gateway.render()["gateway.lua"]
    broken = rendered.replace("local key, authorization, changed = keys_of(headers)", "local key = nil .. nil")
    assert broken != rendered
    gateway.start(gateway=lambda _: broken)

    for headers in ({}, AUTH):
        answer = gateway.post("/v1/chat/completions", headers)
        assert (answer.status, answer.document["error"]["code"]) == (503, "gateway_unavailable")
    assert gateway.provider.received == []
    assert "attempt to concatenate" in gateway.log


@pytest.mark.parametrize("value", ["x" + " " * 50_000 + "x", f"sk-helicone-,{' ' * 50_000},x", "," * 50_000])
@pytest.mark.parametrize("name", ["Helicone-Auth", "Authorization"])
def test_no_value_of_a_header_keeps_the_check_busy(gateway: Gateway, name: str, value: str) -> None:
    before = gateway.worked()

    assert gateway.ask("GET", "/v1/models", {name: value}).status == 401
    assert gateway.worked() - before < 2  # four, while spaces were taken away by a pattern


def test_the_check_is_quick_whatever_number_of_wrong_keys_is_tried(gateway: Gateway) -> None:
    before = gateway.worked()
    failed = threading.Event()

    def attempt(number: int) -> None:
        if gateway.ask("GET", "/v1/models", {"Helicone-Auth": f"Bearer sk-helicone-{number}"}).status != 401:
            failed.set()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(attempt, range(400)))

    assert not failed.is_set()
    assert gateway.worked() - before < 5
