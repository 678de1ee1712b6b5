"""`invoke reference`: the reference pages, made from what the program itself reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from invoke.collection import Collection

from gateway.commands.commands_page import Topics, commands_page
from gateway.console import say
from gateway.inventory.load import ROLES
from gateway.secret_names import SECRET_NAMES

INTRODUCTION = """# Variables

Made by `invoke reference` from `roles/*/role.yml`: change those, not this page.

A value comes from the last of these that sets it: role defaults (below), `group_vars/all`, the host's groups
(parents before children), `host_vars`, `--set key=value`. Mappings merge, lists and single values replace.
`invoke inventory --env ENV --host HOST --explain KEY` shows the value and the line that set it.
"""
SECRETS_INTRODUCTION = """# Secrets

Made by `invoke reference`. They live in `inventory/<env>/secrets.yml.age`, are generated on first use,
and are replaced with `invoke secrets.rotate` ([how to](../how-to/rotate-secrets.md)) or edited with
`invoke secrets.edit --env ENV`.

| name | what it is for |
|---|---|
"""


def variables_page(root: Path) -> str:
    """Return the page of all variables: each role's defaults as they stand in its file, comments included."""
    parts = [INTRODUCTION]
    for role in ("common", "docker", "firewall", *ROLES):
        text = (root / "roles" / role / "role.yml").read_text(encoding="utf-8")
        description = yaml.safe_load(text)["description"]
        defaults = text.partition("\ndefaults:\n")[2]
        if defaults:
            parts.append(f"## Role {role}\n\n{description}\n\n```yaml\n{_unindented(defaults)}```\n")
    return "\n".join(parts)


def secrets_page() -> str:
    """Return the page of all secrets: what each is for."""
    rows = "\n".join(f"| `{name}` | {secret.purpose} |" for name, secret in SECRET_NAMES.items())
    return SECRETS_INTRODUCTION + rows + "\n"


def reference_pages(root: Path, namespace: Collection, topics: Topics) -> dict[str, str]:
    """Return every page that is made, by its name; `topics` orders the commands of `namespace`."""
    return {
        "commands.md": commands_page(namespace, topics), "variables.md": variables_page(root),
        "secrets.md": secrets_page(),
    }  # fmt: skip


def write_reference(root: Path, namespace: Collection, topics: Topics, as_json: bool) -> dict[str, Any]:
    """Write the pages below `root/docs/reference` and return their paths."""
    folder = root / "docs" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    pages = reference_pages(root, namespace, topics)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
        if not as_json:
            say(f"docs/reference/{name}")
    return {"pages": [f"docs/reference/{name}" for name in pages]}


def _unindented(defaults: str) -> str:
    return "".join(line.removeprefix("  ") for line in defaults.splitlines(keepends=True))
