"""A conversation with one host's agent: requests out, events and one answer back."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from gateway.agent.hello import HELLO, WANTED
from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.bundle import archive
from gateway.transport.streams import Stream

Events = Callable[[dict[str, Any]], None]


class AgentError(Exception):
    """The agent could not do what was asked: which step, why, and the last lines of what failed."""

    def __init__(self, host: str, error: dict[str, Any]) -> None:
        super().__init__(f"{host}: {error['step']}: {error['message']}")
        self.host = host
        self.step = str(error["step"])
        self.message = str(error["message"])
        self.kind = str(error.get("kind", "failed"))
        self.logs: list[str] = list(error.get("logs", []))
        self.environment = str(error.get("environment", ""))


class Conversation:
    """One exec on one host, from `open` to `close`; requests are answered one at a time."""

    def __init__(self, host: str, stream: Stream) -> None:
        self.host = host
        self.stream = stream
        self.buffer = bytearray()
        self.round_trips = 0
        self._sending = threading.Lock()
        self._heart: threading.Event | None = None
        self._alone = threading.Lock()
        self._state = "idle"
        try:
            self._start()
        except BaseException:
            stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def request(self, verb: str, on_event: Events | None = None, payload: bytes = b"", **arguments: Any) -> Any:
        """Send a request and return its result; events on the way go to `on_event`.

        Raises AgentError when the agent says that it failed, UnreachableError when the connection is
        lost or still busy with another request.
        """
        if not self._alone.acquire(blocking=False):
            raise self._lost(verb, "an earlier request is still at work on the host")
        try:
            if self._state == "asked":  # Ctrl-C gave up the last request; its answer comes first
                with contextlib.suppress(AgentError):
                    self._answer(verb, None)
            if self._state == "sending":
                raise self._lost(verb, "an earlier request was sent in part")
            self._state = "sending"
            line = json.dumps({"verb": verb, "payload_bytes": len(payload), **arguments})
            self._send(line.encode() + b"\n" + payload)
            self._state = "asked"
            self.round_trips += 1
            return self._answer(verb, on_event)
        finally:
            self._alone.release()

    def _answer(self, verb: str, on_event: Events | None) -> Any:
        while True:
            message = json.loads(self._line(verb))
            if "done" not in message:
                if on_event is not None:
                    on_event(message)
                continue
            self._state = "idle"
            if message["done"]:
                return message["result"]
            raise AgentError(self.host, message["error"])

    def keep_lease(self, seconds: float) -> None:
        """Send a heartbeat every `seconds` until the conversation ends, so that the lease stays ours."""
        stop = threading.Event()
        self._heart = stop

        def beat() -> None:
            """Send heartbeats until told to stop or the connection is gone."""
            while not stop.wait(seconds):
                try:
                    self._send(b'{"verb": "ping"}\n')
                except UnreachableError:
                    return

        threading.Thread(target=beat, name=f"lease of {self.host}", daemon=True).start()

    def close(self) -> None:
        """End the conversation; the agent gives the lease back when it sees the end."""
        if self._heart is not None:
            self._heart.set()
        self.stream.close()

    def _start(self) -> None:
        """Send the agent if the host does not keep it, and wait until it answers.

        Whatever a login script printed before is skipped, and may lack its last line end.
        """
        while True:
            try:
                line = self._line("start the agent")
            except UnreachableError as error:
                raise self._no_agent(error.message) from None
            if line.endswith(WANTED.encode()):
                with contextlib.suppress(UnreachableError):  # the reason is in what the host answers then
                    self._send(archive())
            if line.endswith(json.dumps({"hello": HELLO}).encode()):
                return

    def _no_agent(self, reason: str) -> ConfigurationError | UnreachableError:
        where = f"{self.host}: start the agent"
        if re.search(r"sudo: (command )?not found", reason):
            return ConfigurationError(
                "there is no sudo on the host", where=where, unaffected="nothing was changed",
                next_step="install it, or log in as root and set connection.become to false",
            )  # fmt: skip
        if re.search(r"python3: (command )?not found|code 127", reason):
            return ConfigurationError(
                "there is no python3 on the host", where=where, unaffected="nothing was changed",
                next_step="install it: apt-get install python3",
            )  # fmt: skip
        if "sudo:" in reason:
            return ConfigurationError(
                f"sudo refused: {reason.partition('sudo: ')[2]}", where=where, unaffected="nothing was changed",
                next_step="let connection.user run sudo without a password, or set connection.become to false",
            )  # fmt: skip
        return UnreachableError(
            reason, where=where, unaffected="nothing was changed",
            next_step="log in by hand, as connection.user, and see what keeps a command from running there",
        )  # fmt: skip

    def _send(self, data: bytes) -> None:
        try:
            with self._sending:
                self.stream.send(data)
        except (OSError, EOFError, ValueError) as error:  # ValueError: this end is closed already
            raise self._lost("send", error) from None

    def _line(self, step: str) -> bytes:
        searched = 0
        while (end := self.buffer.find(b"\n", searched)) < 0:
            searched = len(self.buffer)
            try:
                data = self.stream.receive()
            except (OSError, EOFError, ValueError) as error:
                raise self._lost(step, error) from None
            if not data:
                raise self._lost(step, self.stream.complaint())
            self.buffer += data
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        return line.strip()

    def _lost(self, step: str, reason: object) -> UnreachableError:
        return UnreachableError(
            f"the connection was lost: {reason}", where=f"{self.host}: {step}",
            unaffected="the host finishes or undoes what it had begun by itself",
            next_step="invoke status --env <environment>",
        )  # fmt: skip
