"""`invoke user.create` and `user.list`: accounts of the web interface without a browser."""

from __future__ import annotations

import getpass
import re
from typing import Any

from gateway.commands.apikey import moment
from gateway.commands.organizations import described, organization
from gateway.commands.project import Project
from gateway.commands.stores import Row, Stores, literal, open_stores
from gateway.console import table
from gateway.errors import ConfigurationError, GatewayError
from gateway.inventory import Inventory
from gateway.secret import Secret
from gateway.secret_names import generate_text
from gateway.transport.conversation import AgentError
from gateway.typed import given_line, on_a_terminal
from gateway.wording import printable

ROLES = ("member", "admin")
NO_ORGANIZATION = "none"
_ADDRESS = re.compile(r"[^@\s']+@[^@\s']+\.[^@\s']+")
_SHORTEST, _LONGEST = 12, 128  # Helicone itself takes 8 to 128
_SELECT = """
    select u.email, u.name, extract(epoch from u."createdAt")::bigint as created,
        (select extract(epoch from max(s."createdAt"))::bigint from public.session s where s."userId" = u.id)
            as signed_in,
        (select coalesce(json_agg(json_build_object(
            'id', o.id, 'name', o.name, 'owner', owner.email, 'role', m.org_role) order by o.created_at), '[]')
         from public.organization_member m join public.organization o on o.id = m.organization and not o.soft_delete
         left join public."user" owner on owner.auth_user_id = o.owner
         where m.member = u.auth_user_id) as organizations
    from public."user" u order by u."createdAt", u.email
"""


def create(project: Project, email: str, name: str, wanted: str, role: str, given: Secret | None) -> dict[str, Any]:
    """Make an account in web's own sign-up and put it into an organization; return it as data.

    `wanted` names the organization: empty for that of the first account, `none` for no other than the one that
    Helicone makes for each account. Without a `given` password one is generated, and part of the result. Raises
    ConfigurationError for what cannot be, before anything is made, and GatewayError when web refuses. An account
    that was made and could not join has a `problem`.
    """
    address = email.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise ConfigurationError(
            f"`{printable(email)}` is no e-mail address", where="--email", next_step="give one, such as ann@example.com"
        )
    if role not in ROLES:
        raise ConfigurationError(
            f"`{printable(role)}` is no role", where="--role", next_step=f"one of: {', '.join(ROLES)}"
        )
    password = given or Secret(generate_text(24))
    inventory = project.inventory
    app = _app_host(inventory)
    with open_stores(project, also=[app]) as stores:
        chosen = None if wanted.strip().lower() == NO_ORGANIZATION else organization(stores, wanted)
        try:
            answer = stores.conversations[app].request(
                "sign_up", project=inventory.project, name=name.strip() or address.partition("@")[0], email=address,
                password=password.reveal(),
            )  # fmt: skip
        except AgentError as error:
            raise GatewayError(
                error.message, where=f"{app}: sign-up", unaffected="no account was made",
                next_step=f"invoke status --env {inventory.environment}",
            ) from None  # fmt: skip
        if answer["account"] == "exists":
            raise ConfigurationError(
                f"there is an account {address} already", where="--email", unaffected="it is as it was",
                next_step=f"invoke user.list --env {inventory.environment}",
            )  # fmt: skip
        problem = _join(stores, address, chosen["id"], role) if chosen else ""
    result = {
        "environment": inventory.environment, "email": address, "organization": chosen["id"] if chosen else None,
        "role": role if chosen else "owner", "problem": problem,
        **({} if given else {"password": password.reveal()}),
    }  # fmt: skip
    if problem:
        project.reporter.line(
            "", f"account {address} was made, but it is in its own organization alone: {problem}", "red"
        )
        project.reporter.line("", "  next: invite it in the web interface: Settings, Members")
    else:
        whose = f"{role} of {described(chosen)}" if chosen else "with an organization of its own"
        project.reporter.line("", f"account {address}, {whose}", "green")
    return result


def _join(stores: Stores, address: str, identifier: str, role: str) -> str:
    """Make an account a member of an organization; return why it is none, empty when it is."""
    select = (
        f'select {literal(identifier)}::uuid, u.auth_user_id, {literal(role)} from public."user" u'
        f" where u.email = {literal(address)} and u.auth_user_id is not null"
    )
    try:
        made = stores.postgres(
            f"insert into public.organization_member (organization, member, org_role) {select} returning member"
        )
    except GatewayError as error:
        return error.message
    return "" if made else "it is not in the store"


def show(project: Project, as_json: bool) -> dict[str, Any]:
    """Print the accounts, their organizations and last sign-ins; return them as data."""
    with open_stores(project) as stores:
        users = stores.postgres(_SELECT)
    if not as_json:
        table("", ["email", "name", "created", "last sign-in", "organizations"], [_shown(one) for one in users])
    return {"environment": project.inventory.environment, "users": users}


def read_password() -> Secret:
    """Return a password typed twice on the terminal, or the first line of standard input where that is none.

    Raises ConfigurationError for one that is too short or too long, or typed in two ways.
    """
    if on_a_terminal():
        text = getpass.getpass("Password: ")
        if text != getpass.getpass("Once more: "):
            raise ConfigurationError("the two passwords differ", unaffected="nothing was changed")
    else:
        text = given_line("--ask-password")
    if not _SHORTEST <= len(text) <= _LONGEST:
        raise ConfigurationError(
            f"the password has {len(text)} characters; it needs {_SHORTEST} to {_LONGEST}", where="--ask-password",
            unaffected="nothing was changed",
        )  # fmt: skip
    return Secret(text)


def _app_host(inventory: Inventory) -> str:
    found = next((host.name for host in inventory.hosts.values() if "app" in host.roles), None)
    if found is None:
        raise ConfigurationError(
            "no host has the role app, so there is no web interface to sign up at",
            where=f"inventory/{inventory.environment}/hosts.yml", next_step="put a host into the group `app`",
        )  # fmt: skip
    return found


def _shown(one: Row) -> list[str]:
    organizations = ", ".join(f"{o['role']} of {o['name']} of {o['owner'] or 'nobody'}" for o in one["organizations"])
    signed_in = moment(one["signed_in"]) if one["signed_in"] else "never"
    return [one["email"], one["name"], moment(one["created"]), signed_in, organizations or "none"]
