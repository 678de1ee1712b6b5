"""Which variables this project gives to Helicone's services, and which it leaves out on purpose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.document import mapping_of, plain, read_document
from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.variables import HostVariables

# The services whose `environment` the override replaces as a whole, with the template that does it.
TEMPLATES = {
    "jawn": Path("templates/app/jawn.yml.j2"),
    "web": Path("templates/app/web.yml.j2"),
    "migrations": Path("templates/common/migrations.yml.j2"),
}
LEFT_OUT = Path("roles/app/not_set.yml")
_VARIABLE = re.compile(r"^ {6}([A-Za-z_][A-Za-z0-9_]*):", re.MULTILINE)
_ENVIRONMENT = re.compile(r"^ {4}environment: !override\n((?:(?: {5}.*|\{%.*)?\n)*)", re.MULTILINE)


def set_by_templates(root: Path, variables: HostVariables) -> dict[str, set[str]]:
    """Return by service the names that its container gets: those of the template, and the inventory's own."""
    extras = {"jawn": variables.jawn.environment, "web": variables.web.environment}
    found = {}
    for service, template in TEMPLATES.items():
        block = _ENVIRONMENT.search((root / template).read_text(encoding="utf-8"))
        names = _VARIABLE.findall(block[1]) if block else []
        found[service] = {*names, *extras.get(service, {})}
    return found


def left_out(root: Path) -> dict[str, dict[str, str]]:
    """Return by service which of upstream's variables are not set on purpose, each with its reason.

    Raises ConfigurationError for a file of another shape, or a name without a reason.
    """
    shown = str(LEFT_OUT)
    found: dict[str, dict[str, str]] = {}
    for service, entry in mapping_of(read_document(root / LEFT_OUT, shown), shown, "the variables").items():
        reasons = plain(mapping_of(entry, shown, service))
        for name, reason in reasons.items():
            if not isinstance(reason, str) or not reason.strip():
                raise ConfigurationError(
                    f"{service}.{name} has no reason", where=f"{shown}:{entry.line}", next_step="say why it is not set"
                )
        found[service] = reasons
    return found
