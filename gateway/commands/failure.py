"""How a command that failed says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from rich.text import Text

from gateway.console import StandardError, table
from gateway.errors import ConfigurationError, GatewayError, LockedError, RolloutError
from gateway.results import write_result
from gateway.runbooks import about
from gateway.transport.conversation import AgentError

_LONGEST_LINE = 800  # characters: ten lines of a terminal
# Of what stopped in the middle of something.
_UNAFFECTED, _NEXT = "what was not shown as done", "invoke status --env <environment>"
_WHAT_NEXT = f"  unaffected: {_UNAFFECTED}\n  next: {_NEXT}"


def report_failure(error: BaseException, as_json: bool) -> int:
    """Print an error on standard error, as JSON on standard output too if asked, and return the exit code.

    What is not one of our errors is a defect of this program: one line, and how to see more. Where runbooks are
    about what happened, they are named.
    """
    with suppress(OSError, SystemExit):  # nobody reads it any more: the exit code and the JSON count all the same
        _tell(error, as_json)
    if as_json:
        write_result(described(error))
    return _exit_code(error)


def _tell(error: BaseException, as_json: bool) -> None:
    """Print an error on standard error, and on which hosts a rollout stopped."""
    report = error.report if isinstance(error, GatewayError) and error.report else {}
    pages = report["runbooks"] if "runbooks" in report else about(_sentences(error))
    console = StandardError(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text(shown(_text(error)), style="red"))
    if pages:
        console.print(Text(f"  runbook: {', '.join(pages)}", style="red"))
    if not isinstance(error, RolloutError):
        return
    for failure in error.failures:
        if failure.logs:
            console.print(Text(f"last lines of {failure.step} on {failure.host}:", style="bold"))
            for line in failure.logs:
                console.print(Text(shown(f"  | {line}")))
    if not as_json:
        rows = [[f.host, f.step, shown(f.cause), "in doubt" if f.in_doubt else "old release"] for f in error.failures]
        table("", ["host", "step", "cause", "now"], rows)


def _exit_code(error: BaseException) -> int:
    """Return the code of our errors, of what an agent said by its kind, 130 for Ctrl-C, 1 for a defect."""
    if isinstance(error, GatewayError):
        return error.exit_code
    if isinstance(error, AgentError):
        return {"configuration": ConfigurationError.exit_code, "locked": LockedError.exit_code}.get(error.kind, 1)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def shown(text: str) -> str:
    """Return a text as a terminal can show it, safe and not endless: people typed it, or hosts said it."""
    lines = text.replace("\t", "    ").splitlines()
    clean = ("".join(one if one.isprintable() else "?" for one in line) for line in lines)
    return "\n".join(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..." for line in clean)


def _text(error: BaseException) -> str:
    if isinstance(error, GatewayError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted\n{_WHAT_NEXT}"
    if isinstance(error, AgentError):
        return "\n".join([str(error), *[f"  | {line}" for line in error.logs], _WHAT_NEXT])
    return f"{type(error).__name__}: {error}\n  this is a defect of this program; --debug shows where"


def _sentences(error: BaseException) -> Iterator[str]:
    """Yield all that an error and its report say of what was found."""
    if isinstance(error, GatewayError):
        yield error.message
        yield error.unaffected
        yield from _texts(error.report)
    if isinstance(error, AgentError):
        yield error.message
    if isinstance(error, RolloutError):
        for failure in error.failures:
            yield from (failure.cause, *failure.logs)


def _texts(found: Any) -> Iterator[str]:
    """Yield the texts of a report, however deep they lie."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, Mapping):
        for part in found.values():
            yield from _texts(part)
    elif isinstance(found, list | tuple):
        for part in found:
            yield from _texts(part)


def described(error: BaseException) -> dict[str, Any]:
    """Return an error as --json and reports tell it."""
    data: dict[str, Any] = {"error": _text(error).partition("\n")[0], "exit_code": _exit_code(error)}
    if isinstance(error, GatewayError):
        data |= {
            "where": error.where,
            "unaffected": error.unaffected,
            "next": error.next_step,
            "error": error.message,
        }
        if error.report is not None:
            data["report"] = error.report
    elif isinstance(error, AgentError | KeyboardInterrupt):
        data |= {"unaffected": _UNAFFECTED, "next": _NEXT}
    if isinstance(error, RolloutError):
        data["failures"] = [asdict(failure) for failure in error.failures]
    if pages := about(_sentences(error)):
        data["runbooks"] = pages
    return data
