"""`apikey.*` and `user.*`: keys and accounts of Helicone without a browser."""

from __future__ import annotations

from typing import Any

from invoke.collection import Collection
from invoke.context import Context

from gateway.verb import Ended, confirm, project_of, verb

_ORGANIZATION = "by id, name or its owner's e-mail address; without it the first account's"


@verb(
    name="what the key is called in lists and in the web interface",
    organization=_ORGANIZATION,
    permissions="rw (send requests and read them back), w or r",
)
def create_key(
    context: Context,
    env: str = "",
    name: str = "",
    organization: str = "",
    permissions: str = "rw",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Make a Helicone API key and print it, this once, on standard output."""
    from gateway.commands.apikey import create

    return create(project_of(env), name, organization, permissions, as_json=json_)


@verb()
def list_keys(context: Context, env: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Show the valid API keys: name, fingerprint, organization and last use. The keys themselves nobody knows."""
    from gateway.commands.apikey import show

    return show(project_of(env), as_json=json_)


@verb(
    key="its id, fingerprint or name, as apikey.list shows them",
    stdin="read the key itself from standard input, for one that leaked; never type a key as an argument",
)
def revoke_key(
    context: Context,
    env: str = "",
    key: str = "",
    stdin: bool = False,
    yes: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Make an API key invalid: within some 3 seconds the gateway answers it with 401."""
    from gateway.commands.apikey import given_key, revoke

    given = given_key(key) if stdin else ""
    return revoke(project_of(env), key, given, lambda question: confirm(question, yes))


@verb(
    email="the address to sign in with",
    name="as the web interface shows it; without it the part before the @",
    organization=f"which to join, {_ORGANIZATION}; `none`: only one of its own",
    role="member or admin of that organization",
    ask_password="ask for the password, or read it from standard input, instead of making one up",  # noqa: S106 - words
)
def create_user(
    context: Context,
    env: str = "",
    email: str = "",
    name: str = "",
    organization: str = "",
    role: str = "member",
    ask_password: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Make an account of the web interface; a password that was made up is printed this once."""
    from gateway.commands.user import create, read_password

    project = project_of(env)
    result = create(project, email, name, organization, role, read_password() if ask_password else None)
    if not json_ and "password" in result:
        print(result["password"])
    return Ended(result, 1 if result["problem"] else 0)


@verb()
def list_users(context: Context, env: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Show the accounts of the web interface, their organizations and last sign-ins."""
    from gateway.commands.user import show

    return show(project_of(env), as_json=json_)


keys = Collection("apikey", create=create_key, list=list_keys, revoke=revoke_key)
users = Collection("user", create=create_user, list=list_users)
