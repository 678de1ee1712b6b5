"""The key check: a new key works, a revoked one does not, and a store that is down changes nothing."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from tests.lab.clients import HOSTS, ask, settled
from tests.lab.command import http, on_host
from tests.lab.stores import postgres

pytestmark = pytest.mark.usefixtures("deployed")


def provider_hits() -> int:
    """Return how often the provider was asked at all."""
    total: int = json.loads(http("GET", "http://172.30.87.6:8080/lab/hits")[2])["total"]
    return total


def test_a_new_key_works_and_a_revoked_one_is_refused_before_the_provider(clients_key):
    for host in HOSTS:
        assert settled(200, clients_key, host)[0] < 10
    digest = hashlib.sha256(f"Bearer {clients_key}".encode()).hexdigest()
    postgres(f"update helicone_api_keys set soft_delete = true where api_key_hash = '{digest}'")
    for host in HOSTS:
        assert settled(401, clients_key, host)[0] < 10
    before = provider_hits()
    assert [ask(host, clients_key)[1] for host in HOSTS] == [401, 401]
    assert provider_hits() == before


def test_known_keys_stay_valid_while_postgresql_is_down(clients_key):
    settled(200, clients_key, "app1")
    on_host("data1", "docker stop -t 5 helicone-lab-db-1")
    try:
        time.sleep(5)
        assert ask("app1", clients_key)[1] == 200
        assert ask("app1", clients_key[:-1] + "!")[1] == 401
    finally:
        on_host("data1", "docker start helicone-lab-db-1")
