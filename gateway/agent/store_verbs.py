"""The part of the agent's conversation that is about what the stores hold: accounts, keys, logins, ledgers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .later import later
from .store import Store

if TYPE_CHECKING:
    from . import account, ask, logins, stores, switch, upgrading
else:
    account, ask, logins, stores, switch, upgrading = later("account ask logins stores switch upgrading")

Request = dict[str, Any]
Result = dict[str, Any]

CHANGING = frozenset(["set_account_password", "revoke_key", "forget_logins"])
VERBS = CHANGING | {
    "sign_up",
    "ensure_key",
    "lets_in",
    "ask",
    "carriers",
    "postgres",
    "clickhouse",
    "missing_migrations",
}


class StoreVerbs:
    """Verbs of a Session, which gives them its store."""

    store: Store

    def sign_up(self, request: Request, payload: bytes) -> Result:
        """See `account.sign_up`."""
        account_words = (request["name"], request["email"], request["password"])
        return {"account": account.sign_up(request["project"], *account_words)}

    def ensure_key(self, request: Request, payload: bytes) -> Result:
        """See `account.ensure_key`."""
        words = (request["password"], request["email"], request["key"])
        return {"key": account.ensure_key(request["project"], request["postgres"], *words)}

    def set_account_password(self, request: Request, payload: bytes) -> Result:
        """See `account.set_password`."""
        words = (request["password"], request["email"], request["hash"])
        return {"changed": account.set_password(request["project"], request["postgres"], *words)}

    def revoke_key(self, request: Request, payload: bytes) -> Result:
        """See `account.revoke_key`."""
        words = (request["password"], request["key"])
        return {"revoked": account.revoke_key(request["project"], request["postgres"], *words)}

    def forget_logins(self, request: Request, payload: bytes) -> Result:
        """See `switch.forget_logins`."""
        switch.forget_logins(self.store, request["project"])
        return {}

    def lets_in(self, request: Request, payload: bytes) -> Result:
        """See `logins.lets_in`."""
        words = (request["postgres"], request["user"], request["password"])
        return {"accepted": logins.lets_in(request["project"], *words)}

    def ask(self, request: Request, payload: bytes) -> Result:
        """See `ask.ask`."""
        return ask.ask(request["project"], request)

    def carriers(self, request: Request, payload: bytes) -> Result:
        """See `ask.carriers`."""
        return {"services": ask.carriers(request["project"], request["values"])}

    def postgres(self, request: Request, payload: bytes) -> Result:
        """Run SQL on PostgreSQL; see `stores.postgres`."""
        words = (request["postgres"], request["password"], request["sql"])
        return {"lines": stores.postgres(request["project"], *words)}

    def clickhouse(self, request: Request, payload: bytes) -> Result:
        """Run one query on ClickHouse; see `stores.clickhouse`."""
        words = (request["settings"], request["password"], request["sql"])
        return {"lines": stores.clickhouse(request["project"], *words)}

    def missing_migrations(self, request: Request, payload: bytes) -> Result:
        """See `upgrading.missing`."""
        return upgrading.missing(self.store, request["project"], request["migrations"], request["secrets"])
