"""What the containers of an environment print, and commands inside of them."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from . import engine
from .channel import Channel
from .relay import Relay

Line = tuple[str, str, str]  # Docker's time stamp (UTC, always nine digits: it sorts as text), service, text


def show(channel: Channel, project: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the last lines of the containers of `request["services"]` (empty: all), oldest first.

    They are of the last `since` seconds by this host's clock, contain the pattern `grep`, and are at most `limit`.
    With `follow` they go to the controller as they come, from containers that are made later too, until it is gone.
    """
    shown = _Shown(request)
    if request["follow"]:
        _follow(channel, project, request, shown)
        return {"lines": []}
    relay = Relay(channel, lambda name, _, line: shown.take(name, line))
    for container in _containers(project, request["services"]):
        shown.services[container["Id"]] = engine.service_of(container)
        relay.start(container["Id"], _command(container["Id"], request))
    relay.run()
    return {"lines": sorted(shown.kept)[-request["limit"] :]}


def execute(channel: Channel, project: str, service: str, words: list[str]) -> dict[str, Any]:
    """Run a command in the container of a service, its output going to the controller; return its exit code.

    Raises StepFailed when no container of the service is running.
    """
    container = engine.container_of(project, service)["Id"]
    relay = Relay(channel, lambda _, stream, line: channel.emit(event="output", stream=stream, text=line))
    relay.start(container, ["docker", "exec", container, *words])
    return {"code": relay.run()[container]}


class _Shown:
    """The lines that were asked for: which service each container is of, and the last lines of each.

    `newest` is each container's last time stamp; what is not newer than its `seen` was shown before.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self.services: dict[str, str] = {}
        self.newest: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        self._pattern = re.compile(request["grep"]) if request["grep"] else None
        self._limit = int(request["limit"])
        self._lines: dict[str, deque[Line]] = {}

    @property
    def kept(self) -> Iterable[Line]:
        """Return the lines that were kept, container by container."""
        return [line for lines in self._lines.values() for line in lines]

    def parse(self, container: str, raw: str) -> Line | None:
        """Return a line of `docker logs --timestamps` if it is wanted and was not seen before."""
        stamp, _, text = raw.rstrip("\r\n").partition(" ")
        if not stamp[:4].isdigit():  # a complaint of Docker's own
            stamp, text = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()), raw.rstrip()
        if stamp <= self.seen.get(container, ""):
            return None
        self.newest[container] = max(self.newest.get(container, ""), stamp)
        wanted = self._pattern is None or self._pattern.search(text) is not None
        return (stamp, self.services[container], text) if wanted else None

    def take(self, container: str, raw: str) -> None:
        """Keep a line among the last ones of its container."""
        line = self.parse(container, raw)
        if line:
            self._lines.setdefault(container, deque(maxlen=self._limit)).append(line)


def _follow(channel: Channel, project: str, request: dict[str, Any], shown: _Shown) -> None:
    def send(container: str, _: str, raw: str) -> None:
        line = shown.parse(container, raw)
        if line:
            channel.emit(event="lines", lines=[line])

    def again() -> None:
        """Start to follow what runs and is not followed: a container that is new, or was started once more."""
        for container in _containers(project, request["services"]):
            identifier = container["Id"]
            if not relay.running(identifier) and (container["State"]["Running"] or identifier not in shown.services):
                shown.services[identifier] = engine.service_of(container)
                shown.seen[identifier] = shown.newest.get(identifier, "")
                relay.start(identifier, _command(identifier, request))

    relay = Relay(channel, send)
    again()
    relay.run(again)


def _containers(project: str, services: list[str]) -> list[dict[str, Any]]:
    return [one for one in engine.all_containers(project) if not services or engine.service_of(one) in services]


def _command(container: str, request: dict[str, Any]) -> list[str]:
    since = str(int(time.time()) - int(request["since"]))
    tail = [] if request["grep"] else ["--tail", str(request["limit"])]
    follow = ["--follow"] if request["follow"] else []
    return ["docker", "logs", "--timestamps", "--since", since, *tail, *follow, container]
