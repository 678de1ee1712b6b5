"""`secrets.edit`, `secrets.rotate` and `secrets.recipients`."""

from __future__ import annotations

from typing import Any

from invoke.collection import Collection
from invoke.context import Context

from gateway.verb import confirm, project_of, verb


@verb()
def edit(context: Context, env: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Edit the environment's secrets in $VISUAL or $EDITOR; the plain text never touches a disk."""
    from gateway.commands.secrets import edit

    return edit(project_of(env), as_json=json_)


@verb(
    name="the secrets, separated by commas",
    all_="every secret that is made here",
    given="take the new value from standard input, or ask for it: for what others make, as provider_api_key",
    revoke="with helicone_api_key: revoke the old one at once; clients that still send it get 401",
)
def rotate(
    context: Context,
    env: str = "",
    name: str = "",
    all_: bool = False,
    given: bool = False,
    revoke: bool = False,
    yes: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Give secrets new values, roll them out, and prove that the old ones are refused; no client request fails."""
    from gateway.commands.rotate import Wanted, rotate

    wanted = Wanted(name, all_, given, revoke)
    return rotate(project_of(env).deployed(), wanted, lambda: confirm("Rotate these?", yes), as_json=json_)


@verb()
def recipients(context: Context, env: str = "", yes: bool = False, json_: bool = False, debug: bool = False) -> Any:
    """Encrypt the secrets to you and the keys in secrets.recipients, to nobody else; show who can open them."""
    from gateway.commands.recipients import recipients

    return recipients(project_of(env), lambda: confirm("Take the secrets from them?", yes), as_json=json_)


collection = Collection("secrets", edit=edit, rotate=rotate, recipients=recipients)
