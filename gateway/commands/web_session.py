"""Signing in to Helicone's web interface through a host's agent, to see which passwords and cookies it takes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from gateway.better_auth import session_cookie
from gateway.plan.operations import Run
from gateway.render.addresses import public_urls
from gateway.secret import Secret

_TRIES, _REST_SECONDS = 8, 2.0  # better-auth lets a client sign in three times in ten seconds


@dataclass(frozen=True)
class Web:
    """The web interface on one app host, asked past the edge. Its methods raise AgentError when it does not answer."""

    run: Run
    host: str

    def sign_in(self, password: Secret) -> str:
        """Return the session token for the first account's `password`, an empty text if it is refused."""
        email = self.run.inventory.hosts[self.host].variables.admin.email
        for _ in range(_TRIES):
            answer = self._send("POST", "sign-in/email", {"email": email, "password": password.reveal()})
            if answer["status"] != 429:
                break
            time.sleep(_REST_SECONDS)
        if answer["status"] == 401:
            return ""
        if answer["status"] != 200:
            raise ValueError(f"web answers {answer['status']} to a sign-in")
        return str(json.loads(answer["body"])["token"])

    def knows(self, token: str, secret: Secret) -> bool:
        """Tell whether a session's cookie is taken when it is signed with `secret`."""
        answer = self._send("GET", "get-session", cookie=self._cookie(token, secret))
        if answer["status"] not in (200, 401):
            raise ValueError(f"web answers {answer['status']} to a session")
        return answer["status"] == 200 and answer["body"].strip() not in ("", "null")

    def sign_out(self, token: str, secret: Secret) -> None:
        """End a session."""
        self._send("POST", "sign-out", {}, self._cookie(token, secret))

    @property
    def _ui(self) -> str:
        return public_urls(self.run.inventory, self.run.inventory.hosts[self.host]).ui

    def _cookie(self, token: str, secret: Secret) -> str:
        return session_cookie(self._ui, token, secret.reveal())

    def _send(self, method: str, path: str, body: Any = None, cookie: str = "") -> Any:
        headers = {"Origin": self._ui, **({"Cookie": cookie} if cookie else {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.run.ask(
            self.host, "ask", project=self.run.inventory.project, service="web", port=3000, method=method,
            path=f"/api/auth/{path}", headers=headers, body=None if body is None else json.dumps(body),
        )  # fmt: skip
