"""The questions that can be put to a host's services from the host itself, each giving plain data.

A question names a container's variable where it needs a secret (`["jawn", "S3_SECRET_KEY"]`): the
value is looked up here, on the host that has it anyway.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from gateway.verify.onhost import containers, listening, postgres_login, s3_signature

Containers = dict[str, dict[str, Any]]
Question = dict[str, Any]
TIMEOUT = 10
BODY_LIMIT = 65_536  # /__ENV.js and error texts; nothing that is asked for is longer


class Unanswerable(Exception):
    """The question cannot be put: the container it is about is not there or does not run."""


def ask_http(question: Question, by_service: Containers) -> dict[str, Any]:
    """Send one request to a service's own address and return status, headers and the beginning of the body."""
    where = _running(question["service"], by_service)
    return _http(where, question["port"], question["method"], question["path"], question["headers"], question["body"])


def ask_listening(question: Question, by_service: Containers) -> dict[str, Any]:
    """Return the addresses and ports that something listens on inside a service's network."""
    _running(question["service"], by_service)
    process = by_service[question["service"]]["State"]["Pid"]
    return {"listening": [[one.address, one.port] for one in listening.of_process(process)]}


def ask_postgres(question: Question, by_service: Containers) -> dict[str, Any]:
    """Log in to PostgreSQL, with what a variable's URL says or as the bundled one's user, and say how it went."""
    if "url" in question:
        url = urlsplit(_variable(question["url"], by_service))
        where, port = _resolve(url.hostname or "", by_service), url.port or 5432
        user, database = unquote(url.username or ""), url.path.lstrip("/")
        return postgres_login.login(where, port, user, database, unquote(url.password or ""))
    where = _running("db", by_service)
    user = _variable(["db", "POSTGRES_USER"], by_service)
    database = _variable(["db", "POSTGRES_DB"], by_service)
    return postgres_login.login(where, 5432, user, database, question["password"])


def ask_clickhouse(question: Question, by_service: Containers) -> dict[str, Any]:
    """Run a query on ClickHouse with the credentials that jawn has for the user or for `HQL_`; return the answer."""
    credentials = json.loads(_variable(["jawn", "CLICKHOUSE_CREDS"], by_service))
    prefix = f"CLICKHOUSE_{question['prefix']}"
    url = urlsplit(credentials["CLICKHOUSE_HOST"])
    headers = {
        "X-ClickHouse-User": credentials[f"{prefix}USER"], "X-ClickHouse-Key": credentials[f"{prefix}PASSWORD"],
    }  # fmt: skip
    where = _resolve(url.hostname or "", by_service)
    secure = url.scheme == "https"
    return _http(where, url.port or (8443 if secure else 8123), "POST", "/", headers, question["sql"], secure)


def ask_bucket(question: Question, by_service: Containers) -> dict[str, Any]:
    """Ask the object store for a bucket with the keys of a service; 200 means that it is there.

    HEAD, because a GET lists what is in it, for which the bundled store walks through every object that it has.
    """
    endpoint = urlsplit(question["endpoint"] or _variable(question["endpoint_from"], by_service))
    bucket, access_key, secret_key = (
        _variable(question[name], by_service) for name in ("bucket", "access_key", "secret_key")
    )
    path = f"{endpoint.path.rstrip('/')}/{bucket}"
    headers = s3_signature.signed_headers(endpoint.netloc, path, question["region"], access_key, secret_key, "HEAD")
    secure = endpoint.scheme == "https"
    where = _resolve(endpoint.hostname or "", by_service)
    answer = _http(where, endpoint.port or (443 if secure else 80), "HEAD", path, headers, "", secure)
    return {"status": answer["status"], "bucket": bucket}


KINDS: dict[str, Callable[[Question, Containers], dict[str, Any]]] = {
    "http": ask_http,
    "listening": ask_listening,
    "postgres": ask_postgres,
    "clickhouse": ask_clickhouse,
    "bucket": ask_bucket,
}


def _http(
    where: str, port: int, method: str, path: str, headers: dict[str, str], body: str, secure: bool = False
) -> dict[str, Any]:
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(where, port, timeout=TIMEOUT)
    try:
        connection.request(method, path, body.encode() if body else None, headers)
        response = connection.getresponse()
        text = response.read(BODY_LIMIT).decode(errors="replace")
        return {
            "status": response.status, "headers": {name.lower(): value for name, value in response.getheaders()},
            "body": text,
        }  # fmt: skip
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP answer: {error}") from None
    finally:
        connection.close()


def _running(service: str, by_service: Containers) -> str:
    """Return a running service's address. Raises Unanswerable."""
    if service not in by_service:
        raise Unanswerable(f"there is no container of {service}")
    state = by_service[service]["State"]
    if not state["Running"]:
        raise Unanswerable(f"container {service} is {state['Status']}")
    return containers.address(service, by_service)


def _variable(place: list[str], by_service: Containers) -> str:
    service, name = place
    if service not in by_service:
        raise Unanswerable(f"there is no container of {service}")
    values = containers.variables(by_service[service])
    if name not in values:
        raise Unanswerable(f"container {service} has no variable {name}")
    return values[name]


def _resolve(name: str, by_service: Containers) -> str:
    """Return the address of a name as containers resolve it: a service's own, or what it is for everybody."""
    return _running(name, by_service) if name in by_service else name
