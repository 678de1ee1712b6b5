"""The proof that a deployment does its work: a completion that goes through the gateway and is found again.

An answer of the gateway proves nothing: Helicone answers 200 and `helicone-id` also for requests
that it never records. So the request brings its own id, and that id is looked for.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.inventory.model import Host
from gateway.vault import Vault
from gateway.verify import outside
from gateway.verify.doors import Door

NO_PROVIDER_KEY = "no-provider-key"
POLL_SECONDS = 0.25
ANSWER_SECONDS = 120.0
KEY_SECONDS = 10.0
Rows = Callable[[str], list[str]]


@dataclass
class Trace:
    """One request and where it was found.

    `with_key` tells whether the environment has a provider key: without one the provider refuses,
    usually with 401, and the record of that refusal is the proof. `stored` is the row in ClickHouse
    as (status, model), `store_problem` why it could not be looked at; `store_in_reach` tells whether any of
    the verified hosts reaches ClickHouse, so that it is asked at all.
    """

    request_id: str
    model: str
    with_key: bool
    timeout: float
    answer: outside.Answer = field(default_factory=outside.Answer)
    listed: Mapping[str, Any] | None = None
    list_answer: outside.Answer = field(default_factory=outside.Answer)
    stored: tuple[int, str] | None = None
    store_problem: str = ""
    store_in_reach: bool = True
    _deadline: float = 0.0

    def send(self, door: Door, vault: Vault) -> None:
        """Send the completion, and wait until Helicone's API shows it or the time is over."""
        headers = {
            "Helicone-Auth": f"Bearer {vault['helicone_api_key'].reveal()}",
            "Helicone-Request-Id": self.request_id,
            "Helicone-Property-Source": "verify",
            "Authorization": f"Bearer {_provider_key(vault) or NO_PROVIDER_KEY}",
        }
        body = {"model": self.model, "messages": [{"role": "user", "content": "Say: ok"}], "max_tokens": 5}
        url = f"{door.gateway}/v1/chat/completions"
        self._deadline = time.monotonic() + KEY_SECONDS
        while True:
            self.answer = outside.send(url, "POST", headers, json.dumps(body), ANSWER_SECONDS, door.trust)
            refused = self.answer.status == 401 and self.refused_by_gateway
            if not refused or time.monotonic() > self._deadline:  # a key that was just made takes some seconds
                break
            time.sleep(POLL_SECONDS)
        self._deadline = time.monotonic() + self.timeout
        if self.answer.status and not self.refused_by_gateway:
            self._until(lambda: self._list(door, vault))

    def find_stored(self, rows: Rows) -> None:
        """Look for the row in ClickHouse with `rows`, which runs a query and returns the output lines."""
        # The id is a UUID made here: it needs no quoting.
        query = (
            "SELECT status, model FROM default.request_response_rmt"  # noqa: S608
            f" WHERE request_id = '{self.request_id}' LIMIT 1"
        )

        def find() -> bool:
            """Tell whether the row is there, and keep what it says."""
            found = rows(query)
            if found:
                status, _, model = found[0].partition("\t")
                self.stored = (int(status), model)
            return bool(found)

        self._until(find)

    @property
    def refused_by_gateway(self) -> bool:
        """Tell whether the edge or jawn answered instead of the provider: then there is nothing to record."""
        return self.answer.status >= 500 or "helicone-id" not in self.answer.headers

    def _list(self, door: Door, vault: Vault) -> bool:
        query = {
            "filter": {"request_response_rmt": {"request_id": {"equals": self.request_id}}},
            "limit": 1,
            "offset": 0,
            "sort": {"created_at": "desc"},
        }
        headers = {"Authorization": f"Bearer {vault['helicone_api_key'].reveal()}"}
        url = f"{door.ui}/jawn/v1/request/query-clickhouse"
        self.list_answer = outside.send(url, "POST", headers, json.dumps(query), trust=door.trust)
        answer = self.list_answer.json()
        found = (answer.get("data") or []) if isinstance(answer, dict) else []
        self.listed = found[0] if found else None
        return self.listed is not None

    def _until(self, found: Callable[[], bool]) -> None:
        """Call `found` until it is true or the time is over, at least once."""
        while not found() and time.monotonic() < self._deadline:
            time.sleep(POLL_SECONDS)


def new_trace(host: Host, vault: Vault) -> Trace:
    """Return a request for a host's edge that is not sent yet."""
    settings = host.variables.verify
    return Trace(str(uuid.uuid4()), settings.model, bool(_provider_key(vault)), settings.timeout)


def _provider_key(vault: Vault) -> str:
    key = vault.values.get("provider_api_key")
    return key.reveal() if key else ""
