"""The reference page of all commands, made from the tasks themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from invoke.collection import Collection
from invoke.parser.argument import Argument
from invoke.tasks import Task

from gateway.errors import GatewayError
from gateway.verb import HELP

Topics = Mapping[str, Sequence[str]]
INTRODUCTION = """# Commands

Made by `invoke reference` from the tasks themselves: change `tasks.py` and `verbs/`, not this page.

`invoke --list` names the commands, `invoke --help COMMAND` says the same as here. All are typed in the project's
folder. Values are `--flag VALUE` or `--flag=VALUE`. Standard output holds the result, standard error what happens
meanwhile, so that `--json` can be piped.
"""
EVERYWHERE = "## Flags that mean the same everywhere\n\nA command's usage line says which of them it takes.\n"
EXIT_CODES = """## Exit codes

The same for every command, but for `exec`, which ends as the command that it ran.

| code | meaning |
|---:|---|
| 0 | What was asked for is done, or there was nothing to do. |
| 1 | A word or flag that `invoke` does not know, something that Helicone itself refused, or a defect of this program. |
"""
# What stands for a value in a usage line, where it is not the flag's own name.
_VALUES = {
    "env": "ENV", "set": "KEY=VALUE", "limit": "NAMES", "since": "TIME", "grep": "PATTERN", "bundle": "FILE.tar.gz",
    "report": "FILE.html", "junit": "FILE", "out": "PATH", "explain": "VARIABLE", "to": "NUMBER", "from": "ID",
    "source": "ENV", "permissions": "rw|w|r", "role": "member|admin", "email": "ADDRESS", "lines": "NUMBER",
}  # fmt: skip


def commands_page(namespace: Collection, topics: Topics) -> str:
    """Return the page: what all commands share, then each under its topic, those of no topic at the end."""
    named = [name for names in topics.values() for name in names]
    left = [name for name in namespace.task_names if name not in named]
    sections = {**topics, **({"More": left} if left else {})}
    shared = [(f"--{word.strip('_')}", words) for word, words in HELP.items()]
    parts = [INTRODUCTION, f"{EVERYWHERE}\n{_table(shared)}", EXIT_CODES + _exit_codes()]
    for title, names in sections.items():
        parts += [f"## {title}\n", *(_command(name, namespace[name]) for name in names)]
    return "\n".join(parts)


def _command(name: str, task: Task[Any]) -> str:
    flags = task.get_arguments()
    own = [(_flag(one), _help(one)) for one in flags if HELP.get(_word(one)) != one.help]
    usage = " ".join(["invoke", name, *(_usage(one) for one in flags if _word(one) != "debug")])
    text = f"### {name}\n\n{task.__doc__}\n\n```text\n{usage}\n```\n"
    return text + (f"\n{_table(own)}" if own else "")


def _word(flag: Argument) -> str:
    """Return a flag as the function calls it: with the underscore of a name that Python keeps for itself."""
    return str(flag.name)


def _flag(flag: Argument) -> str:
    name = str(flag.names[0])
    return name if flag.positional else f"--{name.strip('-')}"


def _usage(flag: Argument) -> str:
    shown = _flag(flag)
    if flag.positional:
        return shown.upper()
    if not flag.takes_value:
        return f"[{shown}]"
    name = shown.lstrip("-")
    valued = f"{shown} {_VALUES.get(name, name.upper().replace('-', '_'))}"
    if name == "env":
        return valued
    return f"[{valued}]..." if flag.kind is list else f"[{valued}]"


def _help(flag: Argument) -> str:
    default = f"; `{flag.default}` unless given" if isinstance(flag.default, str) and flag.default else ""
    return f"{flag.help}{default}"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| `{name if name.startswith('-') else name.upper()}` | {words} |" for name, words in rows]
    return "\n".join(["| flag | what it does |", "|---|---|", *lines]) + "\n"


def _exit_codes() -> str:
    meanings: dict[int, list[str]] = {}
    for kind in _errors(GatewayError):
        if "exit_code" in vars(kind) and kind.__doc__:
            meanings.setdefault(kind.exit_code, []).append(kind.__doc__.partition("\n")[0])
    rows = [f"| {code} | {' '.join(words)} |" for code, words in sorted(meanings.items())]
    return "\n".join([*rows, "| 130 | Interrupted by Ctrl-C. |"]) + "\n"


def _errors(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _errors(one)
