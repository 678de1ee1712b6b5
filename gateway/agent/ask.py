"""Asking a service of this host as a stranger would, past the edge, with nothing secret on a command line."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from . import engine
from .failure import StepFailed

_BODY = 4096  # what an answer is judged by stands at its beginning


def ask(project: str, request: dict[str, Any]) -> dict[str, Any]:
    """Send one HTTP request to a service's own address; return `status`, `headers` (lower case) and `body`.

    `url` instead of `service` and `port` names a server outside. Raises StepFailed when there is no answer.
    """
    base = request.get("url") or (
        f"http://{engine.address(engine.container_of(project, request['service']))}:{request['port']}"
    )
    body = request.get("body")
    sent = urllib.request.Request(  # noqa: S310 - a container of this host, or an http(s) URL of the inventory
        f"{base.rstrip('/')}{request['path']}", data=None if body is None else body.encode(),
        method=request["method"], headers=request["headers"],
    )  # fmt: skip
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:  # noqa: S310
            return _shown(answer.status, answer.headers, answer.read(_BODY))
    except urllib.error.HTTPError as error:
        return _shown(error.code, error.headers, error.read(_BODY))
    except OSError as error:
        where = request.get("url") or request["service"]
        raise StepFailed("ask", f"{where} does not answer: {error}") from None


def carriers(project: str, values: list[str]) -> list[str]:
    """Return the services of a project that have one of `values` in a variable; those that are leaving do not count."""
    return [
        engine.service_of(container)
        for container in engine.containers(project)
        if any(value in line for line in container["Config"]["Env"] or [] for value in values)
    ]


def _shown(status: int, headers: Any, body: bytes) -> dict[str, Any]:
    return {
        "status": status,
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": body.decode(errors="replace"),
    }
