"""The key check: a new key works, a revoked one does not, and a store that is down changes nothing."""

from __future__ import annotations

import hashlib
import json
import secrets
import time

import pytest

from tests.lab.command import gateway, http, on_host

pytestmark = pytest.mark.usefixtures("deployed")


def ask(key: str, host: str = "app1") -> int:
    """Send a completion with a Helicone key and return the status."""
    body = {"model": "gpt-4o-mini", "messages": []}
    return http(
        "POST", f"{gateway(host)}/chat/completions", body, Authorization="Bearer sk-x", Helicone_Auth=f"Bearer {key}"
    )[0]


def provider_hits() -> int:
    """Return how often the provider was asked at all."""
    total: int = json.loads(http("GET", "http://172.30.87.6:8080/lab/hits")[2])["total"]
    return total


def sql(statement: str) -> None:
    """Run SQL on the lab's PostgreSQL, as Helicone's UI would."""
    on_host("data1", f"docker exec -i helicone-lab-db-1 psql -U postgres -d helicone -qc {json.dumps(statement)}")


def settled(wanted: int, key: str, host: str) -> tuple[float, int]:
    """Return after how many seconds requests with a key get the wanted status for good, and how many passed.

    Each of the gateway's threads reads the list of keys by itself once a second, and a connection comes to any of them.
    """
    started = since = time.monotonic()
    passed = 0
    while time.monotonic() - since < 2:
        assert since - started < 20, f"{host}: not {wanted} after 20 s"
        time.sleep(0.1)
        status = ask(key, host)
        passed += status == 200
        if status != wanted:
            since = time.monotonic()
    return since - started, passed


@pytest.fixture
def key():
    """Make a key as the UI does: only its hash is stored."""
    made = "sk-helicone-" + "-".join(secrets.token_hex(4)[:7] for _ in range(4))
    digest = hashlib.sha256(f"Bearer {made}".encode()).hexdigest()
    sql(
        "insert into helicone_api_keys"
        " (api_key_hash, api_key_name, user_id, organization_id, key_permissions, temp_key)"
        f" select '{digest}', 'test', user_id, organization_id, 'rw', false from helicone_api_keys limit 1"
    )
    yield made
    sql(f"delete from helicone_api_keys where api_key_hash = '{digest}'")


def test_a_new_key_works_and_a_revoked_one_is_refused_before_the_provider(key):
    for host in ("app1", "app2"):
        assert settled(200, key, host)[0] < 10
    digest = hashlib.sha256(f"Bearer {key}".encode()).hexdigest()
    sql(f"update helicone_api_keys set soft_delete = true where api_key_hash = '{digest}'")
    for host in ("app1", "app2"):
        assert settled(401, key, host)[0] < 10
    before = provider_hits()
    assert [ask(key, host) for host in ("app1", "app2")] == [401, 401]
    assert provider_hits() == before


def test_known_keys_stay_valid_while_postgresql_is_down(key):
    settled(200, key, "app1")
    on_host("data1", "docker stop -t 5 helicone-lab-db-1")
    try:
        time.sleep(5)
        assert ask(key) == 200
        assert ask(key[:-1] + "!") == 401
    finally:
        on_host("data1", "docker start helicone-lab-db-1")
