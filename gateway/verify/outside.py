"""What a client sees: sockets and HTTP from this process, over no connection of the deployment's."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gateway.render.topology import bracketed

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0  # an edge without anything behind it waits longer: that is no answer
BODY_LIMIT = 1 << 20


class Trust(NamedTuple):
    """How a server's certificate is checked: for `name`, against `authority` (PEM) or the system's ones."""

    name: str
    authority: str = ""

    def context(self) -> ssl.SSLContext:
        """Return what a connection is wrapped with."""
        return ssl.create_default_context(cadata=self.authority or None)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, or why there was none; header names in lower case.

    `issued` and `expires` are when the server's certificate begins and ends, in seconds since the
    epoch, 0 without TLS.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    problem: str = ""
    issued: float = 0.0
    expires: float = 0.0

    def json(self) -> Any:
        """Return the body as data, None if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def shown(self) -> str:
        """Return the answer for a sentence: the status, or what went wrong. Bodies may hold anything."""
        return f"the answer {self.status}" if self.status else f"no answer ({self.problem})"


def is_open(address: str, port: int) -> bool:
    """Tell whether a TCP connection is accepted; refused, filtered and unreachable count as closed."""
    try:
        with socket.create_connection((address, port), CONNECT_SECONDS):
            return True
    except OSError:
        return False


def send(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    seconds: float = ANSWER_SECONDS,
    trust: Trust | None = None,
) -> Answer:
    """Send one request, with `body` (JSON text), and return the answer; redirects are not followed.

    Over TLS the server is asked under the name that its certificate is checked for.

    The path is sent as written, which urllib would not promise. Never raises: no answer is an answer.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host, parts.port or (443 if secure else 80), timeout=CONNECT_SECONDS)
    issued = expires = 0.0
    data = None if body is None else body.encode()
    given = {"Content-Type": "application/json", **(headers or {})} if data is not None else dict(headers or {})
    try:
        connection.connect()
        if secure:
            trust = trust or Trust(host)
            wrapped = trust.context().wrap_socket(connection.sock, server_hostname=trust.name)
            connection.sock = wrapped
            certificate = wrapped.getpeercert() or {}
            given.setdefault("Host", f"{bracketed(trust.name)}:{parts.port}" if parts.port else trust.name)
            issued, expires = (ssl.cert_time_to_seconds(str(certificate[end])) for end in ("notBefore", "notAfter"))
        connection.sock.settimeout(seconds)
        connection.request(method, f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", data, given)
        response = connection.getresponse()
        text = response.read(BODY_LIMIT).decode(errors="replace")
        given_back = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, given_back, text, issued=issued, expires=expires)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(problem=f"{type(error).__name__}: {error}".rstrip(": "))
    finally:
        connection.close()
