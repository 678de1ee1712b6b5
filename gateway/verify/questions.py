"""Questions for `onhost.questions`, as values that can be asked ahead of the checks and looked up by them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WRONG_PASSWORD = "not-the-password"  # noqa: S105 - on purpose
REGION = "us-west-2"  # of the signature; a region of its own is only known by stores that jawn names in S3_REGION
AS_JAWN = ""  # jawn's own user of ClickHouse
AS_HQL = "HQL_"


@dataclass(frozen=True)
class Question:
    """A question; `service` is the one that must be part of the release for it to make sense."""

    service: str
    order: str

    @property
    def data(self) -> dict[str, Any]:
        """Return the question as `onhost.questions` takes it."""
        loaded: dict[str, Any] = json.loads(self.order)
        return loaded


def _question(about: str, /, **data: Any) -> Question:
    return Question(about, json.dumps(data, sort_keys=True))


def http(
    service: str, port: int, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str = ""
) -> Question:
    """Ask for a request to a service's own address, past the edge. Answer: `status`, `headers`, `body`."""
    return _question(
        service,
        kind="http",
        service=service,
        port=port,
        path=path,
        method=method,
        headers=dict(headers or {}),
        body=body,
    )


def listening(service: str) -> Question:
    """Ask what listens inside a service's network. Answer: `listening`, pairs of address and port."""
    return _question(service, kind="listening", service=service)


def postgres_login(password: str) -> Question:
    """Ask for a login to the bundled PostgreSQL. Answer: `accepted`, `asked`, `message`."""
    return _question("db", kind="postgres", password=password)


def postgres_login_of(service: str, variable: str) -> Question:
    """Ask for a login to PostgreSQL with the URL that a service has in a variable. Answer as above."""
    return _question(service, kind="postgres", url=[service, variable])


def clickhouse_query(prefix: str, sql: str) -> Question:
    """Ask ClickHouse with the credentials that jawn has (AS_JAWN or AS_HQL). Answer as of `http`."""
    return _question("jawn", kind="clickhouse", prefix=prefix, sql=sql)


def bucket_of_jawn(variable: str) -> Question:
    """Ask the object store, with jawn's endpoint and keys, for the bucket in a variable of jawn's."""
    return _bucket("jawn", variable, ["jawn", "S3_ENDPOINT"], "", "S3_ACCESS_KEY", "S3_SECRET_KEY")


def bucket_of_store(variable: str) -> Question:
    """Ask the bundled object store, with its own keys, for the bucket in one of its variables."""
    keys = ("RCLONE_S3_ACCESS_KEY_ID", "RCLONE_S3_SECRET_ACCESS_KEY")
    return _bucket("object-store", variable, [], "http://object-store:9000", *keys)


def _bucket(
    service: str, variable: str, source: list[str], endpoint: str, access_key: str, secret_key: str
) -> Question:
    return _question(
        service, kind="bucket", endpoint=endpoint, endpoint_from=source, region=REGION, bucket=[service, variable],
        access_key=[service, access_key], secret_key=[service, secret_key],
    )  # fmt: skip
