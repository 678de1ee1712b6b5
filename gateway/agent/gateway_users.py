"""The edge's own users in PostgreSQL and ClickHouse: who may read hashes of keys, and which requests arrived.

As with Helicone's login (see `logins`), each password has a user of its own, so that edges which stand
on different releases are all let in: one that was refused would not hear of revoked keys.
"""

from __future__ import annotations

import re
from typing import Any

from . import stores
from .failure import StepFailed
from .redaction import hide

GROUP = "helicone_gateway"  # has the rights in PostgreSQL, and was the user itself in older releases
_LOGIN = f"{GROUP}_[0-9a-f]{{8}}"

# A function and not a view: Helicone's migrations may change the table without minding what depends on it.
_RIGHTS = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'helicone_gateway') then create role helicone_gateway; end if;
end $$;
create schema if not exists helicone_gateway;
create or replace function helicone_gateway.active_keys() returns table (hash text)
    language sql stable security definer set search_path = pg_catalog as
    $$ select api_key_hash::text from public.helicone_api_keys where not soft_delete and key_permissions like '%w%' $$;
revoke all on function helicone_gateway.active_keys() from public;
grant usage on schema helicone_gateway to helicone_gateway;
grant execute on function helicone_gateway.active_keys() to helicone_gateway;
"""
_LOGIN_SQL = """
do $$ begin
    if not exists (select from pg_roles where rolname = '{login}') then create role {login}; end if;
end $$;
alter role {login} with login nosuperuser nocreatedb nocreaterole password '{password}';
"""
_FORGET_SQL = """
do $$ declare other text; begin
    for other in select rolname from pg_roles where rolname ~ '^{pattern}$' and rolname <> '{login}' loop
        execute format('drop role %I', other);
    end loop;
end $$;
"""


def accept(project: str, migrations: dict[str, Any], secrets: dict[str, str], login: str) -> None:
    """Let the edge in as `login` with the password of `secrets`; whoever was let in before still is.

    Doing it again changes nothing but the password, if that is another. Raises StepFailed.
    """
    password = secrets["gateway_stores"]  # letters, digits and . _ ~ -: see gateway/secret_names.py
    member = f"grant {GROUP} to {login};" if login != GROUP else ""
    sql = _RIGHTS + _LOGIN_SQL.format(login=login, password=password) + member
    try:
        stores.postgres(project, migrations["postgres"], secrets["postgres"], sql)
        for statement in (
            f"CREATE USER IF NOT EXISTS {login} IDENTIFIED BY '{password}'",
            f"ALTER USER {login} IDENTIFIED BY '{password}'",
            f"GRANT SELECT(request_id, request_created_at) ON default.request_response_rmt TO {login}",
        ):
            stores.clickhouse(project, migrations["clickhouse"], secrets["clickhouse"], statement)
    except StepFailed as failure:  # both quote a statement that they refuse
        raise StepFailed(failure.step, hide(failure.message, [password])) from None


def forget_others(project: str, migrations: dict[str, Any], secrets: dict[str, str], login: str) -> None:
    """Shut out every user of the edge but `login`. Raises StepFailed."""
    sql = _FORGET_SQL.format(pattern=_LOGIN, login=login)
    if login != GROUP:
        sql += f"alter role {GROUP} with nologin password null;"
    stores.postgres(project, migrations["postgres"], secrets["postgres"], sql)
    for user in stores.clickhouse(project, migrations["clickhouse"], secrets["clickhouse"], "SHOW USERS"):
        if user != login and (user == GROUP or re.fullmatch(_LOGIN, user)):
            drop = f"DROP USER IF EXISTS {user}"
            stores.clickhouse(project, migrations["clickhouse"], secrets["clickhouse"], drop)
