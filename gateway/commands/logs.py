"""`invoke logs`: what the containers of all hosts print, in one stream."""

from __future__ import annotations

import json
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from gateway.agent.redaction import hide
from gateway.commands.fleet_state import observe
from gateway.commands.project import Project
from gateway.commands.services import chosen_services
from gateway.console import say
from gateway.durations import seconds_in
from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import Conversations, connected, on_all
from gateway.wording import printable

MOST_LINES = 100_000
_TOGETHER = 0.3  # seconds in which lines of several hosts are waited for, to be shown in their order
_COLOURS = ("cyan", "magenta", "yellow", "blue", "green", "bright_cyan", "bright_magenta", "bright_yellow")
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]"
)
Hide = Callable[[str], str]


@dataclass(frozen=True, order=True)
class Line:
    """One line that a container printed; `stamp` is Docker's, in UTC with nine digits, so that it sorts as text."""

    stamp: str
    host: str
    service: str
    text: str


def logs(project: Project, service: str, since: str, grep: str, lines: str, follow: bool, as_json: bool) -> Any:
    """Print the last `lines` lines of all hosts, oldest first, secrets hidden; with `follow` go on until Ctrl-C.

    `service` names services, separated by commas; `grep` is a regular expression. Returns the lines as data; with
    `follow` and `as_json` each line is printed as an object of its own, and nothing is returned. Raises
    ConfigurationError for a service, time, pattern or limit that cannot be, and UnreachableError, after the lines of
    the others, when a host did not answer.
    """
    limit = _number(lines)
    request: dict[str, Any] = {
        "since": seconds_in(since, "--since"),
        "grep": _pattern(grep),
        "limit": limit,
        "follow": follow,
    }
    inventory = project.inventory
    unreachable: dict[str, Exception] = {}
    secret = hider(project)
    with connected(inventory, unreachable.update) as conversations:
        observed = observe(inventory, conversations, on_failure=unreachable.update)
        request["services"] = chosen_services(service, observed, "--service")
        show = _printer(inventory.selected, as_json and follow)
        if follow:
            _warn(unreachable)
            _follow(conversations, list(observed), {**request, "project": inventory.project}, secret, show, unreachable)
            found: list[Line] = []
        else:
            answers, failures = on_all(
                list(observed), lambda name: conversations[name].request("logs", project=inventory.project, **request)
            )
            unreachable.update(failures)
            shown = (line for name, answer in answers.items() for line in lines_of(name, answer["lines"], secret))
            found = sorted(shown)[-limit:]
            if not as_json:
                for line in found:
                    show(line)
            _warn(unreachable)
    result = {
        "environment": inventory.environment, "lines": [_data(line) for line in found],
        "unreachable": sorted(unreachable),
    }  # fmt: skip
    if unreachable:
        raise UnreachableError(
            f"{len(unreachable)} of {len(inventory.selected)} hosts did not answer, or no longer",
            where=", ".join(sorted(unreachable)), next_step=f"invoke status --env {inventory.environment}",
            report=None if follow else result,
        )  # fmt: skip
    return None if follow else result


def hider(project: Project) -> Hide:
    """Return a function that takes the environment's secrets and what a terminal would obey out of a text."""
    values = [secret.reveal() for secret in project.opened_vault.all_values]
    return lambda text: hide(_ESCAPES.sub("", text), values)


def lines_of(host: str, lines: Iterable[Sequence[str]], secret: Hide) -> Iterator[Line]:
    """Yield what an agent sent as lines, their texts without secrets."""
    for stamp, service, text in lines:
        yield Line(stamp, host, service, secret(text))


def _follow(
    conversations: Conversations,
    names: Sequence[str],
    request: Mapping[str, Any],
    secret: Hide,
    show: Callable[[Line], None],
    lost: dict[str, Exception],
) -> None:
    """Print lines as they come, in the order of their times as far as they come together, until Ctrl-C.

    A host whose connection ends is added to `lost`, and the others go on.
    """
    coming: queue.Queue[tuple[str, list[Line] | Exception]] = queue.Queue()

    def listen(name: str) -> None:
        """Take in one host's lines until its conversation ends, which is never its own wish."""
        ended: Exception = UnreachableError("it ended", where=f"{name}: logs")
        try:
            conversations[name].request(
                "logs", lambda message: coming.put((name, list(lines_of(name, message["lines"], secret)))), **request
            )
        except (AgentError, UnreachableError) as error:
            ended = error
        coming.put((name, ended))

    for name in names:
        threading.Thread(target=listen, args=(name,), name=f"logs of {name}", daemon=True).start()
    left = set(names)
    try:
        while left:
            batch: list[Line] = []
            for name, item in _together(coming):
                if isinstance(item, Exception):
                    left.discard(name)
                    lost[name] = item
                    _warn({name: item})
                else:
                    batch += item
            for line in sorted(batch):
                show(line)
    except KeyboardInterrupt:
        return


def _together(coming: queue.Queue[Any]) -> Iterator[Any]:
    """Yield the next item, and those that come shortly after it."""
    yield coming.get()
    stop = threading.Event()
    stop.wait(_TOGETHER)
    while not coming.empty():
        yield coming.get()


def _number(text: str) -> int:
    if not (re.fullmatch("[0-9]{1,6}", text) and 1 <= int(text) <= MOST_LINES):
        raise ConfigurationError(
            f"`{printable(text)}` is no number of lines", where="--lines", next_step=f"give one from 1 to {MOST_LINES}"
        )
    return int(text)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ConfigurationError(
            f"this is no regular expression: {error}", where="--grep", next_step="put a \\ before ( ) [ ] * + ? . |"
        ) from None
    return text


def _printer(hosts: Sequence[str], as_json: bool) -> Callable[[Line], None]:
    """Return a function that prints a line: as an object, or with host and service in colours of their own."""
    if as_json:
        return lambda line: print(json.dumps(_data(line)), flush=True)
    console = Console(highlight=False, soft_wrap=True)
    width = max((len(name) for name in hosts), default=0)
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(hosts)}

    def show(line: Line) -> None:
        """Print one line: local time, host, service, text."""
        shown = Text()  # a style of its own would be that of all that is appended
        shown.append(f"{_local(line.stamp)}  ", style="dim")
        shown.append(f"{line.host:<{width}}  ", style=colours.get(line.host, ""))
        shown.append(f"{line.service:<12}  ", style=_COLOURS[sum(line.service.encode()) % len(_COLOURS)])
        shown.append(line.text, style="")
        console.print(shown)
        sys.stdout.flush()

    return show


def _data(line: Line) -> dict[str, str]:
    return {"time": line.stamp, "host": line.host, "service": line.service, "text": line.text}


def _local(stamp: str) -> str:
    """Return Docker's time stamp as this machine's clock shows it, to the millisecond."""
    try:
        moment = datetime.fromisoformat(f"{stamp[:26]}+00:00").astimezone()
    except ValueError:
        return stamp
    return f"{moment:%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def _warn(unreachable: Mapping[str, Exception]) -> None:
    for error in unreachable.values():
        say(str(error), "red", to_errors=True)
