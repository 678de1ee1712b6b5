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
    (here / "loaded").open("a").write(sys.stdin.read())
    sys.stderr.write((here / "complaint").read_text() if "ON_ERROR_STOP=1" not in sys.argv else "")
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
    (tmp_path / "complaint").write_text("")
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


@pytest.mark.parametrize(
    ("complaint", "refused"),
    [
        ('psql:<stdin>:14: ERROR:  role "postgres" already exists\n', False),
        ("", False),
        ('ERROR:  role "x" does not exist\n', True),
    ],
)
def test_roles_that_are_there_already_are_no_error(server, complaint, refused):
    take(server)
    (server / "complaint").write_text(complaint)
    if refused:
        with pytest.raises(StepFailed, match="the globals could not be loaded"):
            dump.load("db", "postgres", "helicone", server / "out")
    else:
        dump.load("db", "postgres", "helicone", server / "out")


def test_a_database_of_another_name_gets_the_name_of_here(server):
    take(server)
    dump.load("db", "postgres", "mine", server / "out")
    loaded = (server / "loaded").read_text()
    assert 'drop database if exists "helicone"' in loaded
    assert 'drop database if exists "mine"' in loaded
    assert loaded.rstrip().endswith('alter database "helicone" rename to "mine";')
