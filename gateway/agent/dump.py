"""PostgreSQL into files and out of them: globals, and the database in one snapshot with the numbers of its content."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from . import content, stores
from .failure import StepFailed

GLOBALS, DATABASE = "globals.sql", "database.sql"
_END = b"PostgreSQL database dump complete"
_GLOBALS_END = b"PostgreSQL database cluster dump complete"
_HARMLESS = re.compile(r"ERROR: +(\w+: )?(role|database) \"[^\"]*\" already exists")
_SERIOUS = re.compile(r"(psql:\S+ )?(ERROR|FATAL|PANIC): ")
# SQLSTATEs of a server that is well and refuses what it reads; not of one without room (53), ended (57), or with a
# broken disk (58).
_REFUSED = re.compile(r"(psql:\S+ )?ERROR: +(2[123B]|3[DF]|42)\w{3}: ")
_RAN = (0, 3)  # how psql ends when the server was there to the end: without ON_ERROR_STOP, and with it
_MARK = "helicone-backup-mark"


def take(container: str, user: str, database: str, folder: Path) -> dict[str, list[Any]]:
    """Write globals and dump of a database to `folder`; return rows and hash of each table, of the same moment.

    The snapshot of a transaction that stays open is what pg_dump reads and what is counted. Raises
    StepFailed when either file is not whole: pg_dump's last line says that it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(container, ["pg_dumpall", "--globals-only", "--username", user], folder / GLOBALS, _GLOBALS_END)
    with subprocess.Popen(
        _psql(container, user, database), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as session:
        ask = _conversation(session)
        (snapshot,) = ask("begin isolation level repeatable read read only; select pg_export_snapshot();")
        command = ["pg_dump", "--create", f"--snapshot={snapshot}", "--username", user, "--dbname", database]
        _write(container, command, folder / DATABASE, _END)
        found = content.postgres(ask)
        ask("rollback;")
    tables = _copied(folder / DATABASE)
    if tables < len(found):
        raise StepFailed("dump", f"the dump holds {tables} tables, the database has {len(found)}")
    return found


def load(container: str, user: str, database: str, folder: Path) -> None:
    """Load globals and dump into a fresh server, as `database`, whatever it was called. Raises StepFailed.

    Roles that the server has already are no error; everything else is. It is of kind `content` only where
    the server refuses what the files say: a full disk, or a server that ends, says nothing of them.
    """
    code, errors = _feed(container, user, folder / GLOBALS)
    serious = [line for line in errors if not _HARMLESS.search(line)]
    if serious or code:
        raise _not_loaded("globals", code, serious)
    name = _name_in(folder / DATABASE)
    for one in {name, database}:
        sql(container, user, "template1", f"drop database if exists {_quoted(one)};")
    code, errors = _feed(container, user, folder / DATABASE, "--set", "ON_ERROR_STOP=1")
    if code:
        raise _not_loaded("dump", code, errors)
    if name != database:
        sql(container, user, "template1", f"alter database {_quoted(name)} rename to {_quoted(database)};")


def sql(container: str, user: str, database: str, text: str) -> list[str]:
    """Run SQL in a container over its local socket and return the lines of the answer. Raises StepFailed."""
    command = [*_psql(container, user, database), "--set", "ON_ERROR_STOP=1"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise StepFailed("postgres", done.stderr.decode(errors="replace").strip().replace("\n", "; ")[-500:])
    return stores.lines_of(done.stdout)


def _feed(container: str, user: str, path: Path, *options: str) -> tuple[int, list[str]]:
    """Let psql read a file; return how it ended and the errors that it told, or its last word if it told none."""
    command = [*_psql(container, user, "template1"), "--set", "VERBOSITY=verbose", *options]  # with SQLSTATEs
    with path.open("rb") as file:
        done = subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    lines = [line.strip() for line in done.stderr.decode(errors="replace").strip().splitlines()]
    errors = [line for line in lines if _SERIOUS.match(line)]
    return done.returncode, errors or (lines[-1:] if done.returncode else [])


def _not_loaded(what: str, code: int, errors: list[str]) -> StepFailed:
    """Return why a file could not be loaded: by the first error, of which the others come."""
    first = errors[0] if errors else "psql ended early"
    kind = "content" if code in _RAN and _REFUSED.match(first) else "failed"
    return StepFailed("load", f"the {what} could not be loaded: {first[-300:]}", kind=kind)


def _psql(container: str, user: str, database: str) -> list[str]:
    return ["docker", "exec", "--interactive", container, "psql", "--no-psqlrc", "--quiet", "--tuples-only",
            "--no-align", "--username", user, "--dbname", database]  # fmt: skip


def _conversation(session: subprocess.Popen[bytes]) -> Callable[[str], list[str]]:
    """Return a function that asks an open psql and returns the lines of its answer. It raises StepFailed."""
    stdin, stdout, stderr = session.stdin, session.stdout, session.stderr
    assert stdin is not None and stdout is not None and stderr is not None  # noqa: PT018, S101 - all are pipes

    def ask(text: str) -> list[str]:
        """Send SQL, and read until the mark that is printed behind it."""
        stdin.write(f"\\set ON_ERROR_STOP 1\n{text}\n\\echo {_MARK}\n".encode())
        stdin.flush()
        lines: list[str] = []
        for raw in stdout:
            line = raw.decode().rstrip("\n")
            if line == _MARK:
                return lines
            lines.append(line)
        raise StepFailed("postgres", stderr.read().decode(errors="replace").strip().replace("\n", "; ")[-500:])

    return ask


def _write(container: str, command: list[str], path: Path, end: bytes) -> None:
    """Let a program in a container write a file here, and see that its last line is there."""
    with path.open("wb") as file:
        done = subprocess.run(
            ["docker", "exec", container, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE,
            check=False,
        )  # fmt: skip
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().replace("\n", "; ")[-400:]
        raise StepFailed("dump", f"{command[0]} ended with code {done.returncode}: {reason}")
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - 1000))
        if end not in file.read():
            what = "wrote nothing" if size == 0 else f"stopped after {size} bytes, before the dump was complete"
            raise StepFailed("dump", f"{command[0]} {what}")


def _copied(path: Path) -> int:
    """Return how many tables a dump has data for."""
    with path.open("rb") as file:
        return sum(_is_copy(line) for line in file)


def _is_copy(line: bytes) -> bool:
    return line.startswith(b"COPY ") and line.endswith(b"FROM stdin;\n")


def _name_in(path: Path) -> str:
    """Return the name of the database that a dump creates."""
    with path.open("rb") as file:
        return _connected(file)


def _connected(file: IO[bytes]) -> str:
    for line in file:
        if line.startswith(b"\\connect "):
            word = line.decode().split(" ", 1)[1].strip()
            return word[1:-1].replace('""', '"') if word.startswith('"') else word
    raise StepFailed("load", "the dump creates no database", kind="content")


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
