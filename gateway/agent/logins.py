"""Who may log in to the bundled PostgreSQL over the network.

Helicone's services die when PostgreSQL refuses them, so a refused login must not happen while hosts
stand on different releases. Each password therefore has a role of its own, which acts as the owner of
the data: `accept` lets in what a release says and shuts nobody out, `forget_others` comes when every
host runs that release. Both go over the container's own socket, which asks for no password. The edge's
users are like this, too: see `gateway_users`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any

from . import engine, stores
from .failure import StepFailed
from .redaction import hide

_ROLES = "^helicone_[0-9a-f]{8}$"
_REFUSED = ("password authentication failed", "does not exist", "is not permitted to log in")

_ACCEPT = """
begin;
do $$ begin
    if not exists (select from pg_roles where rolname = {name}) then create role {login}; end if;
end $$;
alter role {login} with login nosuperuser nocreatedb nocreaterole password {password};
grant {owner} to {login};
alter role {login} set role to {owner_name};
commit;
"""
_FORGET = """
do $$ declare other text; begin
    for other in select rolname from pg_roles where rolname ~ '{roles}' and rolname <> {name} loop
        perform pg_terminate_backend(pid) from pg_stat_activity where usename = other;
        execute format('drop role %I', other);
    end loop;
end $$;
"""


def accept(project: str, values: Mapping[str, str]) -> None:
    """Let in the login that a release's `.env` (`values`) has; whoever was let in before still is. Raises StepFailed.

    A release without POSTGRES_LOGIN is an older one, whose services log in as the owner.
    """
    owner, password = values["POSTGRES_USER"], values["POSTGRES_PASSWORD"]
    login = values.get("POSTGRES_LOGIN", owner)
    sql = f"alter role {_name(owner)} with password {_text(password)};"
    if login != owner:
        sql = _ACCEPT.format(
            name=_text(login), login=_name(login), password=_text(password), owner=_name(owner), owner_name=_text(owner)
        )
    try:
        _as_owner(project, values, sql)
    except StepFailed as failure:  # psql quotes a statement that is refused
        raise StepFailed("postgres logins", hide(failure.message, [password])) from None


def forget_others(project: str, values: Mapping[str, str]) -> None:
    """Shut out every login but the one that a release's `.env` has, and end their connections. Raises StepFailed."""
    owner = values["POSTGRES_USER"]
    login = values.get("POSTGRES_LOGIN", owner)
    sql = _FORGET.format(roles=_ROLES, name=_text(login))
    if login != owner:
        sql += f"alter role {_name(owner)} with password null;"
    _as_owner(project, values, sql)


def lets_in(project: str, settings: Mapping[str, Any], user: str, password: str) -> bool:
    """Tell whether PostgreSQL lets `user` in over the network. Raises StepFailed when it says neither yes nor no.

    The bundled one is asked from its container by the container's own address, since the image trusts
    what comes from loopback; an external one as `stores.postgres` does.
    """
    if settings["mode"] == "external":
        try:
            stores.postgres(project, {**settings, "user": user}, password, "select 1;")
        except StepFailed as failure:
            return _judged(failure.message, password)
        return True
    container = engine.container_of(project, "db")
    arguments = ["docker", "exec", "--interactive", "--env", "PGPASSWORD", "--env", "PGCONNECT_TIMEOUT=10",
                 container["Id"], "psql", "--no-psqlrc", "--no-password", "--host", engine.address(container),
                 "--username", user, "--dbname", settings["database"], "--command", "select 1"]  # fmt: skip
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        env={**os.environ, "PGPASSWORD": password},
    )  # fmt: skip
    return done.returncode == 0 or _judged(done.stderr.decode(errors="replace"), password)


def _judged(said: str, password: str) -> bool:
    """Return False for what PostgreSQL says to a login that it refuses, raise StepFailed for anything else."""
    if any(words in said for words in _REFUSED):
        return False
    raise StepFailed("postgres", hide(said.strip().replace("\n", "; ")[-300:], [password]))


def _as_owner(project: str, values: Mapping[str, str], sql: str) -> None:
    settings: dict[str, Any] = {
        "mode": "bundled", "user": values["POSTGRES_USER"], "database": values["POSTGRES_DATABASE"],
    }  # fmt: skip
    stores.postgres(project, settings, "", sql)


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
