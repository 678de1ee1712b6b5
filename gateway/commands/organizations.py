"""Which of Helicone's organizations a command means: keys and requests belong to one, not to a user."""

from __future__ import annotations

from typing import Any

from gateway.commands.stores import Stores
from gateway.errors import ConfigurationError
from gateway.wording import printable

Organization = dict[str, Any]
_SELECT = """
    select o.id, o.name, o.owner as owner_id, u.email as owner
    from public.organization o left join public."user" u on u.auth_user_id = o.owner
    where not o.soft_delete order by o.created_at, o.id
"""


def organization(stores: Stores, wanted: str) -> Organization:
    """Return the organization that `wanted` names: its id, its name, or the address of its owner.

    Without a name it is the one that the environment's own key belongs to: the first of `admin.email`. Raises
    ConfigurationError, which lists what there is, when none or more than one fits.
    """
    known = stores.postgres(_SELECT)
    if not wanted:
        first = next(iter(stores.inventory.hosts.values())).variables.admin.email.lower()
        own = [one for one in known if (one["owner"] or "").lower() == first]
        if not own:
            raise ConfigurationError(
                f"the first account {first} has no organization", where="--organization",
                next_step=f"invoke deploy --env {stores.inventory.environment} makes the first account",
            )  # fmt: skip
        return own[0]
    text = wanted.strip().lower()
    fitting = [one for one in known if text in (one["id"], one["name"].lower(), (one["owner"] or "").lower())]
    if len(fitting) != 1:
        raise ConfigurationError(
            f"{'no' if not fitting else 'more than one'} organization is called `{printable(wanted)}`",
            where="--organization", unaffected="nothing was changed",
            next_step="one of: " + ", ".join(f"{one['id']} ({described(one)})" for one in fitting or known),
        )  # fmt: skip
    return fitting[0]


def described(one: Organization) -> str:
    """Return an organization in words: all that Helicone makes by itself have the same name."""
    return f"{one['name']} of {one['owner'] or 'nobody'}"
