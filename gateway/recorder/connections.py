"""HTTP connections that are kept between requests."""

from __future__ import annotations

import http.client
import socket
import time
from urllib.parse import urlsplit

# Node closes a connection after 5 idle seconds; a request on its way by then would have an unknown fate.
_IDLE_SECONDS = 3.0


class NotSentError(Exception):
    """The request did not leave: nothing can have come of it."""


class NoAnswerError(Exception):
    """The request left, and no whole answer came: it may have been carried out."""


class Connection:
    """One connection to one address, opened when needed. One thread at a time may use it."""

    def __init__(self, address: str, connect_within: float, answer_within: float) -> None:
        parts = urlsplit(address)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=connect_within)
        self._path = parts.path
        self._answer_within = answer_within
        self._used = float("-inf")

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send a body and return the answer's status and body.

        Raises NotSentError, NoAnswerError, or ValueError for a header that HTTP cannot carry.
        """
        connection = self._connection
        if time.monotonic() - self._used > _IDLE_SECONDS:
            connection.close()
        if connection.sock is None:
            self._connect()
        try:
            connection.request("POST", self._path + path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error
        except ValueError:
            connection.close()
            raise
        self._used = time.monotonic()
        return answer.status, content

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._connection.close()

    def _connect(self) -> None:
        try:
            self._connection.connect()
        except OSError as error:
            self._connection.close()
            raise NotSentError(f"{type(error).__name__}: {error}") from error
        sock: socket.socket = self._connection.sock
        sock.settimeout(self._answer_within)
