"""Dumps: whole or refused. A `docker` on PATH plays the container."""

from __future__ import annotations

import pytest

from gateway.agent import dump
from gateway.agent.failure import StepFailed

GLOBALS = "CREATE ROLE anon;\n-- PostgreSQL database cluster dump complete\n"
DATABASE = (
    "CREATE DATABASE helicone;\n\\connect helicone\nCOPY public.t (i) FROM stdin;\n1\n\\.\n"
    "-- PostgreSQL database dump complete\n"
)
PROGRAM = """#!/bin/sh
echo "$@" >>{here}/arguments
case "$*" in
    *pg_dumpall*) cat {here}/globals ;;
    *pg_dump*) cat {here}/database ;;
    *"psql"*) exec python3 {here}/psql.py "$@" ;;
esac
"""
PSQL = """
import pathlib, sys
here = pathlib.Path(__file__).parent
mark = "\\\\echo "
if "ON_ERROR_STOP=1" in sys.argv or "template1" in sys.argv:
    text = sys.stdin.read()
    (here / "loaded").open("a").write(text)
    which = "globals" if "cluster dump" in text else "dump" if "database dump" in text else ""
    complaint = here / f"{which}-complaint"
    if complaint.exists():
        code, _, said = complaint.read_text().partition(" ")
        sys.stderr.write(said)
        sys.exit(int(code))
    sys.exit(0)
for line in sys.stdin:
    if line.startswith(mark):
        print(line[len(mark):].strip(), flush=True)
    elif "pg_export_snapshot" in line:
        print("00000003-1", flush=True)
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Put the program on PATH; write `globals` and `database` to say what it dumps."""
    program = tmp_path / "docker"
    program.write_text(PROGRAM.format(here=tmp_path))
    program.chmod(0o755)
    (tmp_path / "psql.py").write_text(PSQL)
    (tmp_path / "globals").write_text(GLOBALS)
    (tmp_path / "database").write_text(DATABASE)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def take(server):
    return dump.take("db", "postgres", "helicone", server / "out")


def test_a_whole_dump_is_of_the_snapshot_that_is_counted(server):
    assert take(server) == {}
    assert "--snapshot=00000003-1" in (server / "arguments").read_text()
    assert (server / "out" / "database.sql").read_text() == DATABASE
    assert (server / "out" / "globals.sql").read_text() == GLOBALS


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("database", "", "pg_dump wrote nothing"),
        ("database", DATABASE[:40], "pg_dump stopped after 40 bytes"),
        ("globals", "", "pg_dumpall wrote nothing"),
        ("globals", "CREATE ROLE anon;\n", "pg_dumpall stopped after 18 bytes"),
    ],
)
def test_an_empty_or_cut_dump_is_refused(server, file, text, words):
    (server / file).write_text(text)
    with pytest.raises(StepFailed, match=words):
        take(server)


def test_a_dump_that_fails_says_why(server):
    (server / "docker").write_text("#!/bin/sh\necho 'FATAL: no' >&2\nexit 1\n")
    with pytest.raises(StepFailed, match="pg_dumpall ended with code 1: FATAL: no"):
        take(server)


def complain(server, part, code, said):
    """Let psql say something when it loads the `globals` or the `dump`, and end with a code."""
    (server / f"{part}-complaint").write_text(f"{code} {said}")


@pytest.mark.parametrize("code", ["", "42710: "])
@pytest.mark.parametrize("prefix", ["", "psql:<stdin>:14: "])
def test_roles_that_are_there_already_are_no_error(server, prefix, code):
    take(server)
    complain(server, "globals", 0, f'{prefix}ERROR:  {code}role "postgres" already exists\nLOCATION:  CreateRole\n')
    dump.load("db", "postgres", "helicone", server / "out")
    assert "--set VERBOSITY=verbose" in (server / "arguments").read_text()


# What psql 15 said, and how it ended.
LOST = "server closed the connection unexpectedly\n\tThis probably means\nconnection to server was lost\n"
FULL = (
    'ERROR:  53100: could not extend file "base/16385/2619": No space left on device\n'
    "HINT:  Check free disk space.\nLOCATION:  mdextend, md.c:469\n"
)
PANIC = (
    "server closed the connection unexpectedly\n"
    'PANIC:  53100: could not write to file "pg_wal/xlogtemp.9": No space left on device\n'
    "CONTEXT:  COPY big, line 62436\nconnection to server was lost\n"
)


@pytest.mark.parametrize(
    ("part", "code", "said", "kind", "words"),
    [
        ("globals", 0, 'ERROR:  42704: role "x" does not exist\nLOCATION:  x\n', "content", 'role "x" does not exist'),
        ("globals", 0, FULL, "failed", "No space left on device"),
        ("globals", 2, f'ERROR:  42704: role "x" does not exist\n{LOST}', "failed", "does not exist"),
        ("globals", 137, 'ERROR:  42710: role "postgres" already exists\nLOCATION:  x\n', "failed", "psql ended early"),
        ("globals", 1, "Error response from daemon: container is not running\n", "failed", "is not running"),
        ("dump", 3, "NOTICE:  00000: x\nERROR:  22P04: missing data\nCONTEXT:  COPY t\n", "content", "missing"),
        ("dump", 3, "psql:<stdin>:9: ERROR:  42601: syntax error\nLINE 1: creat;\n", "content", "syntax error"),
        ("dump", 3, FULL, "failed", "No space left on device"),
        ("dump", 3, "ERROR:  53200: out of memory\nDETAIL:  Failed on request\n", "failed", "out of memory"),
        ("dump", 3, "ERROR:  57014: canceling statement due to user request\n", "failed", "canceling"),
        ("dump", 3, "ERROR:  58030: could not read block: Input/output error\n", "failed", "Input/output error"),
        ("dump", 3, "\\connect: connection to server failed: FATAL:  57P03: starting up\n", "failed", "starting up"),
        ("dump", 2, PANIC, "failed", "No space left on device"),
        ("dump", 2, LOST, "failed", "connection to server was lost"),
        ("dump", 137, "ERROR:  42601: syntax error\n", "failed", "syntax error"),
        ("dump", 137, "", "failed", "psql ended early"),
        ("dump", 1, "ERROR: a message of Docker\n", "failed", "a message of Docker"),
    ],
)
def test_only_what_the_server_refuses_of_the_text_itself_speaks_of_the_content(server, part, code, said, kind, words):
    """A full disk, a lack of memory and a Docker that dies under psql say nothing of the dump."""
    take(server)
    complain(server, part, code, said)
    with pytest.raises(StepFailed, match=f"the {part} could not be loaded: .*{words}") as caught:
        dump.load("db", "postgres", "helicone", server / "out")
    assert (caught.value.step, caught.value.kind) == ("load", kind)


def test_a_dump_without_a_database_is_no_content(server):
    (server / "database").write_text("-- PostgreSQL database dump complete\n")
    take(server)
    with pytest.raises(StepFailed, match="creates no database") as caught:
        dump.load("db", "postgres", "helicone", server / "out")
    assert caught.value.kind == "content"


def test_a_database_of_another_name_gets_the_name_of_here(server):
    take(server)
    dump.load("db", "postgres", "mine", server / "out")
    loaded = (server / "loaded").read_text()
    assert 'drop database if exists "helicone"' in loaded
    assert 'drop database if exists "mine"' in loaded
    assert loaded.rstrip().endswith('alter database "helicone" rename to "mine";')
