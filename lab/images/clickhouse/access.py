"""Users of the stand-in: chdb has no access management, so logins and grants are kept here.

The default user comes from the environment, as in the real image. SQL users (CREATE USER, ALTER
USER, DROP USER) live in a small file beside the data, with what GRANT SELECT has given to each. Row policies
are accepted; the one that Helicone uses, on `getSetting('SQL_helicone_organization_id')`, is enforced for its user.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from typing import TYPE_CHECKING, TypedDict

from engine import QueryError, quoted
from grants import Grants, granted, missing, revoked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = r"[`\"']?(?P<name>[\w.-]+)[`\"']?"
_CREATE = re.compile(
    rf"^\s*CREATE\s+USER\s+(?P<quiet>IF\s+NOT\s+EXISTS\s+|OR\s+REPLACE\s+)?{_NAME}(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ALTER = re.compile(rf"^\s*ALTER\s+USER\s+(?P<quiet>IF\s+EXISTS\s+)?{_NAME}(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_DROP = re.compile(rf"^\s*DROP\s+USER\s+(?P<quiet>IF\s+EXISTS\s+)?{_NAME}\s*;?\s*$", re.IGNORECASE | re.DOTALL)
_SHOW = re.compile(r"^\s*SHOW\s+USERS\s*;?\s*$", re.IGNORECASE)
_OTHER = re.compile(
    r"^\s*(GRANT|REVOKE|SET\s+DEFAULT\s+ROLE|(CREATE|ALTER|DROP)\s+(ROW\s+POLICY|POLICY|ROLE|QUOTA|SETTINGS\s+PROFILE))\b",
    re.IGNORECASE,
)
_IDENTIFIED = re.compile(
    r"IDENTIFIED\s+(?:WITH\s+(?P<kind>\w+)\s+)?BY\s+'(?P<secret>(?:[^'\\]|\\.|'')*)'", re.IGNORECASE
)
_NO_PASSWORD = re.compile(r"NOT\s+IDENTIFIED|IDENTIFIED\s+WITH\s+no_password", re.IGNORECASE)
_READS = re.compile(r"^\s*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b", re.IGNORECASE)
_SYSTEM = re.compile(r"\b(system|information_schema)\s*\.", re.IGNORECASE)
_ORGANIZATION = "SQL_helicone_organization_id"
_HQL_USER = "hql_user"  # the one that Helicone's row policy names (schema_62)


class User(TypedDict):
    """A SQL user: the hash of its password (None: it has none) and the columns that it may read."""

    password: str | None
    grants: Grants


class Users:
    """Who may log in, and what a user other than the default one may do."""

    def __init__(self, file: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._file = file
        self._default = environment.get("CLICKHOUSE_USER") or "default"
        self._password = environment.get("CLICKHOUSE_PASSWORD", "")
        protected = bool(self._password) or self._default != "default"
        self._manages = not protected or environment.get("CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT") in {
            "1",
            "true",
        }
        stored = json.loads(file.read_text()) if file.is_file() else {}
        # Older volumes hold the hash alone.
        self._users: dict[str, User] = {
            name: user if isinstance(user, dict) else {"password": user, "grants": {}} for name, user in stored.items()
        }

    def log_in(self, user: str, password: str) -> None:
        """Accept the user or raise the error that ClickHouse gives for a wrong name or password."""
        if user == self._default:
            expected: str | None = _hash(self._password)
        elif user in self._users:
            expected = self._users[user]["password"]
        else:
            raise _refused(user)
        if expected is not None and not hmac.compare_digest(expected, _hash(password)):
            raise _refused(user)

    def manage(self, user: str, statement: str) -> bytes | None:
        """Carry out a statement about users and grants; None means that it is none of these."""
        if len(statement) > 4000 or not (
            _OTHER.match(statement)
            or re.match(r"^\s*((CREATE|ALTER|DROP)\s+USER|SHOW\s+USERS)\b", statement, re.IGNORECASE)
        ):
            return None
        if user != self._default or not self._manages:
            text = f"{user}: Not enough privileges. To execute this query, it's necessary to have the grant ACCESS MANAGEMENT ON *.*"
            raise QueryError(497, f"Code: 497. DB::Exception: {text}. (ACCESS_DENIED)")
        if _SHOW.match(statement):
            return "".join(f"{name}\n" for name in sorted({self._default, *self._users})).encode()
        if created := _CREATE.match(statement):
            self._create(created)
        elif altered := _ALTER.match(statement):
            self._alter(altered)
        elif dropped := _DROP.match(statement):
            self._drop(dropped)
        else:
            self._grant(statement)
        return b""

    def export(self) -> dict[str, User]:
        """Return all SQL users, for a backup."""
        return dict(self._users)

    def add_missing(self, users: Mapping[str, User]) -> None:
        """Take users from a backup; one that is here already stays as it is, as in ClickHouse."""
        self._users = {**users, **self._users}
        self._save()

    def restrict(self, user: str, statement: str, settings: Mapping[str, str]) -> dict[str, str]:
        """Return settings that confine a SQL user to what it may read, or raise.

        The default user is not confined. Helicone's own user reads its organization's rows, see schema_62 and
        schema_64 of Helicone's migrations; any other one reads the columns that it was granted.
        """
        if user == self._default:
            return {}
        if not _READS.match(statement) or _SYSTEM.search(statement):
            raise _denied(user)
        if user != _HQL_USER:
            if needed := missing(statement, self._users[user]["grants"]):
                raise _denied(user, f" To execute this query, it's necessary to have the grant {needed}.")
            return {}
        organization = settings.get(_ORGANIZATION)
        if organization is None and "request_response_rmt" in statement:
            raise QueryError(115, f"Code: 115. DB::Exception: Unknown setting '{_ORGANIZATION}'. (UNKNOWN_SETTING)")
        condition = f"organization_id = {quoted(organization or '')}"
        return (
            {"additional_table_filters": "{'request_response_rmt': " + quoted(condition) + "}"} if organization else {}
        )

    def _grant(self, statement: str) -> None:
        """Add or take away what a GRANT or REVOKE names; one about anything else but SELECT changes nothing."""
        if given := granted(statement):
            names, table, columns = given
            for name in names:
                held = self._known(name)["grants"].setdefault(table, [])
                held.extend(column for column in columns if column not in held)
        elif taken := revoked(statement):
            names, table = taken
            for name in names:
                grants = self._known(name)["grants"]
                for gone in list(grants) if table == "*" else [table]:
                    grants.pop(gone, None)
        else:
            return
        self._save()

    def _known(self, name: str) -> User:
        if name not in self._users:
            raise _unknown(name)
        return self._users[name]

    def _create(self, found: re.Match[str]) -> None:
        name = found["name"]
        if name in self._users or name == self._default:
            quiet = (found["quiet"] or "").upper()
            if quiet.startswith("IF"):
                return
            if not quiet:
                raise QueryError(
                    493,
                    f"Code: 493. DB::Exception: user `{name}` already exists. (ACCESS_ENTITY_ALREADY_EXISTS)",
                )
        self._users[name] = {"password": _secret(found["rest"]), "grants": {}}
        self._save()

    def _alter(self, found: re.Match[str]) -> None:
        name = found["name"]
        if name not in self._users:
            if found["quiet"]:
                return
            raise _unknown(name)
        if _IDENTIFIED.search(found["rest"]) or _NO_PASSWORD.search(found["rest"]):
            self._users[name]["password"] = _secret(found["rest"])
            self._save()

    def _drop(self, found: re.Match[str]) -> None:
        if self._users.pop(found["name"], None) is None and not found["quiet"]:
            raise _unknown(found["name"])
        self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(self._users))
        temporary.chmod(0o600)
        temporary.replace(self._file)


def _secret(rest: str) -> str | None:
    """Return the hash of the password in the rest of a CREATE or ALTER USER; None means no password."""
    found = _IDENTIFIED.search(rest)
    if found is None:
        return None
    secret = found["secret"].replace("''", "'").replace("\\'", "'").replace("\\\\", "\\")
    return secret.lower() if (found["kind"] or "").lower() == "sha256_hash" else _hash(secret)


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _refused(user: str) -> QueryError:
    text = f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
    return QueryError(516, f"Code: 516. DB::Exception: {text} (AUTHENTICATION_FAILED)")


def _denied(user: str, reason: str = "") -> QueryError:
    return QueryError(497, f"Code: 497. DB::Exception: {user}: Not enough privileges.{reason} (ACCESS_DENIED)")


def _unknown(name: str) -> QueryError:
    text = f"There is no user `{name}` in user directories."
    return QueryError(192, f"Code: 192. DB::Exception: {text} (UNKNOWN_USER)")
