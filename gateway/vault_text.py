"""Secrets as YAML text: what is inside secrets.yml.age, and what an operator edits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from gateway.document import mapping_of, parse_document
from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES, refusal_of
from gateway.vault_notes import KEY, Notes, notes_of, notes_to_text
from gateway.wording import did_you_mean, nearest_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = """\
# The secrets of one environment. Only this text's encrypted form is ever stored.
# Remove a line to have that secret generated anew. Comments of your own are not kept.
"""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_WIDTH = 1_000_000  # one value, one line


def secrets_to_text(values: Mapping[str, Secret], notes: Notes | None = None) -> str:
    """Return `values` as YAML, in the order of the catalogue, each below what it is for, then the `notes`."""
    parts = [_HEADER]
    for name, described in SECRET_NAMES.items():
        if name in values:
            quoted = yaml.safe_dump(values[name].reveal(), default_style='"', allow_unicode=True, width=_WIDTH)
            parts.append(f"\n# {described.purpose}\n{name}: {quoted}")
    return "".join(parts) + notes_to_text(notes or Notes())


def text_to_secrets(text: str, shown: str) -> dict[str, Secret]:
    """Return the secrets that the YAML `text`, decrypted from the file `shown`, holds.

    Names that it lacks are lacking in the result, except for optional ones, which are then empty.
    Raises ConfigurationError, which names the line and the secret and never quotes a value, for
    text that is not YAML, unknown names, values that are no text, known defaults and values that
    cannot work where they are used.
    """
    return read_text(text, shown)[0]


def read_text(text: str, shown: str) -> tuple[dict[str, Secret], Notes]:
    """Return the secrets in `text`, see `text_to_secrets`, and the notes beside them."""
    found: dict[str, Secret] = {}
    notes = Notes()
    document = parse_document(text, f"{shown}, decrypted")
    for name, entry in mapping_of(document, f"{shown}, decrypted", "the secrets").items():
        where = f"{shown}, decrypted:{entry.line}"
        if name == KEY:
            notes = notes_of(entry, f"{shown}, decrypted")
            continue
        if name not in SECRET_NAMES:
            raise _unknown(name, where)
        value = "" if entry.value is None else entry.value
        if not isinstance(value, str):
            raise ConfigurationError(
                f"`{name}` must be a text: put it in quotes", where=where, unaffected="nothing was changed"
            )
        refusal = refusal_of(name, value)
        if refusal:
            raise ConfigurationError(
                f"`{name}` {refusal}",
                where=where,
                unaffected="nothing was changed",
                next_step="invoke secrets.edit: change the value, or remove the line to have it generated",
            )
        found[name] = Secret(value)
    for name, described in SECRET_NAMES.items():
        if described.make is None:
            found.setdefault(name, Secret(""))
    return found, notes


def _unknown(name: str, where: str) -> ConfigurationError:
    """Return the error for a `name` that is in no catalogue; one that may be a value is not quoted."""
    quoted = f"`{name}`" if _NAME.fullmatch(name) else "a name that is not shown here"
    return ConfigurationError(
        f"unknown secret {quoted}{did_you_mean(nearest_name(name, SECRET_NAMES))}",
        where=where,
        unaffected="nothing was changed",
        next_step=f"the secrets are {', '.join(SECRET_NAMES)}",
    )
