"""`invoke apikey.create`, `list` and `revoke`: Helicone's API keys without a browser.

Helicone keeps the hash of a key alone. The gateway notes the first 16 digits of it with every request, as the
property `gateway-key`: that is the key's `fingerprint` here, and what usage is told by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from gateway.commands.organizations import described, organization
from gateway.commands.project import Project
from gateway.commands.stores import Row, Stores, literal, open_stores
from gateway.console import say, table
from gateway.errors import ConfigurationError, UnreachableError
from gateway.secret_names import generate_helicone_key
from gateway.typed import given_line
from gateway.wording import printable

Confirm = Callable[[str], bool]
FINGERPRINT = 16  # digits; templates/edge/gateway.lua.j2 cuts as many
PERMISSIONS = {"rw": "send requests and read them back", "w": "send requests", "r": "read requests through the API"}
LAST_USE_DAYS = 90  # further back Helicone's own pages do not look either
_SELECT = """
    select k.id, k.api_key_name as name, left(k.api_key_hash, {digits}) as fingerprint,
        k.key_permissions as permissions, extract(epoch from k.created_at)::bigint as created,
        o.id as organization_id, o.name as organization, u.email as owner
    from public.helicone_api_keys k
    left join public.organization o on o.id = k.organization_id
    left join public."user" u on u.auth_user_id = o.owner
    where not k.soft_delete and not coalesce(k.temp_key, false) order by k.id
"""


def create(project: Project, name: str, wanted: str, permissions: str, as_json: bool) -> dict[str, Any]:
    """Make a key for an organization, print it once on standard output, and return it as data.

    Only its hash leaves this machine. Raises ConfigurationError for a name, a permission or an organization
    that cannot be.
    """
    if not name.strip() or not name.isprintable():
        raise ConfigurationError("a key needs a name", where="--name", next_step="say who or what will use it")
    if permissions not in PERMISSIONS:
        raise ConfigurationError(
            f"`{printable(permissions)}` is no permission", where="--permissions",
            next_step="one of: " + ", ".join(f"{short} ({what})" for short, what in PERMISSIONS.items()),
        )  # fmt: skip
    key = generate_helicone_key()
    with open_stores(project) as stores:
        chosen = organization(stores, wanted)
        fields = (hash_of(key), name.strip(), chosen["owner_id"], chosen["id"], permissions)
        values = ", ".join(literal(text) for text in fields)
        made = stores.postgres(
            "insert into public.helicone_api_keys (api_key_hash, api_key_name, user_id, organization_id,"
            f" key_permissions, temp_key) values ({values}, false) returning id"
        )[0]
    if not as_json:
        project.reporter.line(
            "", f"key {made['id']}, {name.strip()}, for {described(chosen)}; the gateway takes it in some 3 seconds."
            " It is shown this once:", "green",
        )  # fmt: skip
        print(key)
    return {
        "environment": project.inventory.environment, "id": made["id"], "name": name.strip(), "key": key,
        "fingerprint": hash_of(key)[:FINGERPRINT], "permissions": permissions,
        "organization": {"id": chosen["id"], "name": chosen["name"], "owner": chosen["owner"]},
    }  # fmt: skip


def show(project: Project, as_json: bool) -> dict[str, Any]:
    """Print the keys that are valid and when each was last used; return them as data."""
    with open_stores(project) as stores:
        keys = stores.postgres(_SELECT.format(digits=FINGERPRINT))
        used, problem = _last_uses(stores)
    own = _own_fingerprint(project)
    for one in keys:
        one["last_used"] = used.get(one["fingerprint"])
        one["environments_own"] = one["fingerprint"] == own
    if not as_json:
        columns = ["id", "name", "fingerprint", "may", "organization", "created", "last used"]
        table("", columns, [_shown(one, bool(problem)) for one in keys])
        if problem:
            say(f"when keys were last used is not known: {problem}", "yellow")
    return {"environment": project.inventory.environment, "keys": keys, "last_use_problem": problem}


def given_key(named: str) -> str:
    """Return the key itself from standard input. Raises ConfigurationError for none, and if one is `named` as well."""
    if named.strip():
        raise ConfigurationError(
            "--key and --stdin both say which key", where="--stdin", unaffected="every key",
            next_step="leave one of the two out",
        )  # fmt: skip
    key = given_line("--stdin").strip()
    if not key:
        raise ConfigurationError(
            "there is no key on standard input", where="--stdin", unaffected="every key",
            next_step="its first line has to be the key: invoke apikey.revoke --env ENV --stdin --yes < FILE",
        )  # fmt: skip
    return key


def revoke(project: Project, wanted: str, given: str, confirm: Confirm) -> dict[str, Any]:
    """Make a key invalid, named by id, name or fingerprint, or `given` itself; return which it was.

    The environment's own key is refused: `verify` and routes with `inject_key` would fail. Raises ConfigurationError
    when no key or more than one fits.
    """
    if not (wanted.strip() or given):
        raise ConfigurationError(
            "no key was named", where="--key",
            next_step=f"give the id that `invoke apikey.list --env {project.inventory.environment}` shows, or --stdin",
        )  # fmt: skip
    with open_stores(project) as stores:
        found = _choose(stores.postgres(_SELECT.format(digits=FINGERPRINT)), wanted, given, project)
        if found["fingerprint"] == _own_fingerprint(project):
            raise ConfigurationError(
                f"key {found['id']} is the environment's own (helicone_api_key): its traced requests use it",
                where="--key", unaffected="every key",
                next_step=f"invoke secrets.rotate --env {project.inventory.environment} --name helicone_api_key"
                " puts another in its place first",
            )  # fmt: skip
        result = {"environment": project.inventory.environment, "id": found["id"], "name": found["name"]}
        whose = f"{found['name']}, of {found['organization']} of {found['owner']}"
        if not confirm(f"Revoke key {found['id']} ({whose})? Its clients get 401 from then on."):
            return {**result, "revoked": False}
        stores.postgres(
            f"update public.helicone_api_keys set soft_delete = true where id = {int(found['id'])} returning id"
        )
    project.reporter.line("", f"key {found['id']} is revoked; the gateway refuses it in some 3 seconds", "green")
    return {**result, "revoked": True}


def hash_of(key: str) -> str:
    """Return what Helicone stores of a key: the hexadecimal SHA-256 of `Bearer <key>`."""
    return hashlib.sha256(f"Bearer {key}".encode()).hexdigest()


def _own_fingerprint(project: Project) -> str:
    return hash_of(project.opened_vault["helicone_api_key"].reveal())[:FINGERPRINT]


def _last_uses(stores: Stores) -> tuple[dict[str, int], str]:
    """Return when each fingerprint was last seen, in seconds since the epoch, and why that is not known."""
    try:
        rows = stores.clickhouse(
            "SELECT properties['gateway-key'] AS fingerprint, toUnixTimestamp(max(request_created_at)) AS last"
            f" FROM default.request_response_rmt WHERE request_created_at > now() - INTERVAL {LAST_USE_DAYS} DAY"
            " GROUP BY fingerprint"
        )
    except UnreachableError as error:
        return {}, error.message
    return {row["fingerprint"]: int(row["last"]) for row in rows}, ""


def _choose(keys: list[Row], wanted: str, given: str, project: Project) -> Row:
    if given:
        fitting = [one for one in keys if one["fingerprint"] == hash_of(given)[:FINGERPRINT]]
        shown = "the key that was given"
    else:
        text = wanted.strip()
        fitting = [one for one in keys if text and text in (str(one["id"]), one["fingerprint"])]
        fitting = fitting or [one for one in keys if text and text == one["name"]]
        shown = f"`{printable(wanted)}`"
    if len(fitting) != 1:
        raise ConfigurationError(
            f"{'no valid key is' if not fitting else 'more than one key is called'} {shown}", where="--key",
            unaffected="every key",
            next_step=f"give the id that `invoke apikey.list --env {project.inventory.environment}` shows"
            + (": " + ", ".join(str(one["id"]) for one in fitting) if fitting else ""),
        )  # fmt: skip
    return fitting[0]


def _shown(one: Row, unknown: bool) -> list[str]:
    note = " (the environment's own)" if one["environments_own"] else ""
    last = "not known" if unknown else f"not in {LAST_USE_DAYS} days"
    return [
        str(one["id"]), one["name"] + note, one["fingerprint"], one["permissions"] or "",
        f"{one['organization']} of {one['owner'] or 'nobody'}", moment(one["created"]),
        moment(one["last_used"]) if one["last_used"] else last,
    ]  # fmt: skip


def moment(seconds: float) -> str:
    """Return a time since the epoch as this machine's clock shows it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
