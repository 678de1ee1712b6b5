"""ClickHouse's own BACKUP into its backups folder, and RESTORE from there: database `default`, users and policies.

See https://clickhouse.com/docs/operations/backup. The users' system tables belong to it, because Helicone's
migrations make `hql_user` and its row policies once, and never again on a store whose ledger is full.
"""

from __future__ import annotations

from . import stores
from .content import Ask

FOLDER = "backups"  # in ClickHouse's volume; templates/data/backups.xml.j2 allows it
_INSIDE = "/var/lib/clickhouse/backups"
_ACCESS = ", ".join(
    f"TABLE system.{name}" for name in ("users", "roles", "row_policies", "settings_profiles", "quotas")
)
_LENIENT = "allow_different_database_def = 1, allow_different_table_def = 1"
_PATIENCE = 86_400.0  # seconds; both statements answer when they are done


def asking(url: str, user: str, password: str) -> Ask:
    """Return a function that asks the ClickHouse at an address, for as long as it takes."""
    settings = {"mode": "external", "url": url, "user": user}
    return lambda sql: stores.clickhouse("", settings, password, sql, timeout=_PATIENCE)


def save(ask: Ask, name: str) -> None:
    """Let ClickHouse write a backup called `name` into its folder. Raises StepFailed with its message."""
    ask(f"BACKUP DATABASE default, {_ACCESS} TO File('{_INSIDE}/{name}/')")


def load(ask: Ask, name: str) -> None:
    """Let an empty ClickHouse restore the backup `name`; merges stand still until `resume_merges`.

    Tables first, then what is in them: a merge would change rows before they are compared. Raises StepFailed.
    """
    place = f"FROM File('{_INSIDE}/{name}/')"
    ask(f"RESTORE DATABASE default {place} SETTINGS structure_only = 1, {_LENIENT}")
    ask("SYSTEM STOP MERGES")
    ask(f"RESTORE DATABASE default, {_ACCESS} {place} SETTINGS {_LENIENT}")


def resume_merges(ask: Ask) -> None:
    """Let ClickHouse merge again."""
    ask("SYSTEM START MERGES")
