"""BACKUP and RESTORE of the stand-in: the engine's own for tables, a copy of the users' file for access.

chdb has no access management, so `TABLE system.users` and its like are taken out of the statement, and the
users that access.py keeps travel beside the tables in the backup's folder.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from access import Users

CONFIGURATION = Path("/etc/clickhouse-server/config.d")
_STATEMENT = re.compile(
    r"^\s*(?P<verb>BACKUP|RESTORE)\s+.*\b(?:TO|FROM)\s+File\('(?P<folder>[^']+)'\)", re.IGNORECASE | re.DOTALL
)
_ACCESS = re.compile(r",?\s*TABLE\s+system\.(users|roles|row_policies|settings_profiles|quotas)\b", re.IGNORECASE)
_STRUCTURE = re.compile(r"\bstructure_only\s*=\s*(1|true)", re.IGNORECASE)


def configuration(folder: Path = CONFIGURATION) -> Path | None:
    """Return the file of `folder` that says where backups may lie, None if there is none: chdb reads one file."""
    for path in sorted(folder.glob("*.xml")):
        if ET.parse(path).find("backups/allowed_path") is not None:  # noqa: S314 - mounted by the operator
            return path
    return None


def carry_out(statement: bytes, run: Callable[[bytes], bytes], users: Users, data: Path) -> bytes | None:
    """Run a BACKUP or RESTORE, users included, and return its answer; None for any other statement."""
    text = statement.decode("utf-8", "surrogateescape")
    found = _STATEMENT.match(text)
    if found is None:
        return None
    with_access = bool(_ACCESS.search(text))
    answer = run(_ACCESS.sub("", text).encode("utf-8", "surrogateescape"))
    if with_access and not _STRUCTURE.search(text):
        beside = data / "backups" / found["folder"] / "stand-in-users.json"
        if found["verb"].upper() == "BACKUP":
            beside.write_text(json.dumps(users.export()))
        elif beside.is_file():
            users.add_missing(json.loads(beside.read_text()))
    return answer
