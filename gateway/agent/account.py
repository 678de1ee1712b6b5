"""The first account and its API key, made without a browser."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from typing import Any

from . import engine, stores
from .failure import StepFailed
from .redaction import hide


def sign_up(project: str, name: str, email: str, password: str) -> str:
    """Create the account in web's own sign-up, from inside the host; return `created` or `exists`.

    The edge refuses sign-ups, so this goes to the container's address. A database trigger makes the
    organization. Raises StepFailed with web's answer.
    """
    url = f"http://{engine.address(engine.container_of(project, 'web'))}:3000/api/auth/sign-up/email"
    body = json.dumps({"name": name, "email": email, "password": password}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - an address of this host's own bridge
            return "created"
    except urllib.error.HTTPError as error:
        if error.code == 422:
            return "exists"
        answer = hide(error.read().decode(errors="replace"), [password])[:300]
        raise StepFailed("first account", f"web answered {error.code} to the sign-up: {answer}") from None
    except OSError as error:
        raise StepFailed("first account", f"web does not answer: {error}") from None


def ensure_key(project: str, settings: dict[str, Any], password: str, email: str, key: str) -> str:
    """Register an API key, known by its hash only, for the account's organization; `created` or `exists`.

    Raises StepFailed when the account or its organization is not there.
    """
    digest = hash_of(key)
    quoted = email.replace("'", "''")
    rows = stores.postgres(
        project,
        settings,
        password,
        # The address is quoted and the digest is hexadecimal: nothing of the operator's reaches SQL unquoted.
        f"""
        with owner as (
            select u.auth_user_id as member, o.id as organization
            from public."user" u join public.organization o on o.owner = u.auth_user_id
            where u.email = '{quoted}' order by o.created_at limit 1
        ), added as (
            insert into public.helicone_api_keys
                (api_key_hash, api_key_name, user_id, organization_id, key_permissions, temp_key)
            select '{digest}', 'gateway', member, organization, 'rw', false from owner
            where not exists (select 1 from public.helicone_api_keys where api_key_hash = '{digest}')
            returning 1
        )
        select (select count(*) from owner), (select count(*) from added);
    """,  # noqa: S608
    )
    owners, added = rows[-1].split("|")
    if owners == "0":
        raise StepFailed("first API key", f"there is no organization of {email}: was the account created?")
    return "created" if added == "1" else "exists"


def revoke_key(project: str, settings: dict[str, Any], password: str, key: str) -> bool:
    """Revoke an API key, known by its hash only; tells whether it was valid. Raises StepFailed."""
    rows = stores.postgres(
        project,
        settings,
        password,
        f"""
        with revoked as (
            update public.helicone_api_keys set soft_delete = true, updated_at = now()
            where api_key_hash = '{hash_of(key)}' and not soft_delete returning 1
        )
        select count(*) from revoked;
    """,  # noqa: S608 - the digest is hexadecimal
    )
    return rows[-1] != "0"


def set_password(project: str, settings: dict[str, Any], password: str, email: str, hashed: str) -> bool:
    """Give the account another password, as better-auth's hash of it, and end its sessions.

    Returns whether there is such an account. Raises StepFailed.
    """
    quoted, value = email.replace("'", "''"), hashed.replace("'", "''")
    rows = stores.postgres(
        project,
        settings,
        password,
        f"""
        with owner as (
            select id from public."user" where email = '{quoted}'
        ), changed as (
            update public.account set password = '{value}', "updatedAt" = now() at time zone 'utc'
            where "providerId" = 'credential' and "userId" in (select id from owner) returning 1
        ), ended as (
            delete from public.session where "userId" in (select id from owner)
        )
        select count(*) from changed;
    """,  # noqa: S608 - both are quoted
    )
    return rows[-1] != "0"


def hash_of(key: str) -> str:
    """Return what Helicone stores of a key: the lower-case hex SHA-256 of the text `Bearer <key>`."""
    return hashlib.sha256(f"Bearer {key}".encode()).hexdigest()
