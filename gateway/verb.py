"""What every verb of the operator has in common: words for its flags, errors as a sentence, a question.

Imported by tasks.py at the start of every command, so it imports nothing that is slow.
"""

from __future__ import annotations

import functools
import gc
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task, task

from gateway.errors import ConfigurationError
from gateway.results import is_read, write_nowhere, write_result
from gateway.typed import on_a_terminal

if TYPE_CHECKING:
    from gateway.commands.project import Project

HELP = {
    "env": "the environment: a folder below inventory/",
    "set_": "a variable for this run only, key=value; may be given several times",
    "limit": "only these hosts or groups, separated by commas",
    "host": "one host of the environment",
    "json_": "print the result as JSON",
    "yes": "do not ask; needed where there is no terminal to ask on",
    "debug": "show the traceback of an error",
}
# Allocations between two looks for garbage; Python's own 700 made them an eighth of a deploy. A command imports much,
# keeps nearly all that it makes, and ends soon; one that follows logs for days still does not grow.
GARBAGE_AFTER = 50_000


@dataclass(frozen=True)
class Ended:
    """A verb's result that comes with an exit code of its own, such as that of a command it ran."""

    result: Any
    code: int


class Verb(Task[Any]):
    """A task that can be asked for its flags more than once: Invoke's own forgets their help the first time."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """See Invoke's Task."""
        words = dict(self.help)
        try:
            return super().get_arguments(ignore_unknown_help)
        finally:
            self.help = words


def project_of(env: str, settings: list[str] | None = None, limit: str = "") -> Project:
    """Return the environment that the flags name."""
    from gateway.commands.project import open_project  # noqa: PLC0415 - slow to import
    from gateway.console import Reporter  # noqa: PLC0415

    return open_project(env, settings or [], limit or None, Reporter())


def verb(**words: str) -> Callable[[Callable[..., Any]], Task[Any]]:
    """Make a task of a function: help for its flags, errors as a sentence with an exit code.

    `words` is the help of flags that HELP does not have. The function returns its result as data,
    which --json prints; None when it has printed everything itself.
    """

    def decorate(function: Callable[..., Any]) -> Task[Any]:
        """Return the task that runs `function`."""

        @functools.wraps(function)
        def run(context: Context, *arguments: Any, **options: Any) -> None:
            """Run the verb: its errors become a sentence and an exit code, its result JSON if asked for."""
            as_json = options.get("json_", False)
            _bear_any_text()
            gc.set_threshold(GARBAGE_AFTER)
            try:
                result = function(context, *arguments, **options)
            except Exit:
                raise
            except (Exception, KeyboardInterrupt) as error:
                if isinstance(error, BrokenPipeError) and not is_read():
                    write_nowhere()
                    return
                if options.get("debug") and isinstance(error, Exception):
                    raise
                from gateway.commands.failure import report_failure  # noqa: PLC0415 - slow to import

                raise Exit(code=report_failure(error, as_json)) from None
            data, code = (result.result, result.code) if isinstance(result, Ended) else (result, 0)
            if as_json and data is not None and not write_result(data):
                code = code or 1
            if code:
                raise Exit(code=code)

        names = function.__code__.co_varnames[1 : function.__code__.co_argcount]
        made: Task[Any] = task(  # type: ignore[assignment]  # what it returns when it is called with a function
            run,
            klass=Verb,
            help={name: {**HELP, **words}[name] for name in names},
            iterable=[name for name in names if name == "set_"],
            auto_shortflags=False,
        )
        return made

    return decorate


def _bear_any_text() -> None:
    """Let both outputs write whatever hosts said and people typed: what they cannot encode is written as its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def confirm(question: str, yes: bool) -> bool:
    """Ask on the terminal; --yes answers.

    Raises ConfigurationError where there is no terminal: a script that forgot --yes must not think that it is done.
    """
    if not (yes or on_a_terminal()):
        raise ConfigurationError(
            f"{question} Nobody was asked: there is no terminal", where="--yes", next_step="add --yes if it is meant so"
        )
    return offer(question, yes)


def offer(question: str, yes: bool) -> bool:
    """Ask as `confirm` does; without a terminal the answer is no, because what was shown is of use by itself."""
    if yes:
        return True
    if not on_a_terminal():
        print(f"{question} Not asked, there is no terminal: use --yes.", file=sys.stderr)
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)  # the other output holds the result
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False
