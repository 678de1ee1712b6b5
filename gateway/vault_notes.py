"""What secrets.yml.age holds beside the secrets: when each was made, what is being replaced, who can open it.

It stands below `about:` in the same YAML, so the `age` program shows it. A time counts only for the
value that it was written for, which a keyed mark beside it tells: after an edit by hand, with any
program, the age of what changed is unknown instead of wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from gateway.document import Entry, mapping_of, plain
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES

KEY = "about"
_COMMENT = """
# Kept by the program: when each was made (with a mark of the value that is meant), values that are being replaced,
# and who can open this file. Without it everything works, and ages are unknown.
"""
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_MADE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) ([0-9a-f]{8})")


@dataclass(frozen=True)
class Notes:
    """`made` has a time and a mark by secret; `previous` the values that are not known to be refused yet.

    `recipients` are who can open the file, `left` those who could once, with the time since when not.
    """

    made: Mapping[str, str] = field(default_factory=dict)
    previous: Mapping[str, Secret] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)


def notes_to_text(notes: Notes) -> str:
    """Return the notes as the end of the secrets' YAML; an empty text for none."""
    about: dict[str, Any] = {
        "made": dict(notes.made),
        "previous": {name: value.reveal() for name, value in notes.previous.items()},
        "recipients": list(notes.recipients),
        "left": dict(notes.left),
    }
    kept = {KEY: {name: entry for name, entry in about.items() if entry}}
    return _COMMENT + yaml.safe_dump(kept, width=1_000_000, allow_unicode=True) if kept[KEY] else ""


def notes_of(entry: Entry, shown: str) -> Notes:
    """Return the notes below `about:`. What is no text, or about no secret, is left out.

    Raises ConfigurationError, which quotes nothing, for what is no mapping.
    """
    about = mapping_of(entry, shown, f"`{KEY}`")
    made, previous, left = (_texts(about, name, shown) for name in ("made", "previous", "left"))
    recipients = plain(about["recipients"].value) if "recipients" in about else []
    return Notes(
        {name: value for name, value in made.items() if name in SECRET_NAMES},
        {name: Secret(value) for name, value in previous.items() if name in SECRET_NAMES},
        tuple(one for one in recipients or [] if isinstance(one, str)),
        left,
    )


def made_at(notes: Notes, name: str, value: Secret, key: bytes) -> datetime | None:
    """Return when `value` was made, None if that is not known of just this value."""
    found = _MADE.fullmatch(notes.made.get(name, ""))
    return read_time(found[1]) if found and found[2] == value.fingerprint(key) else None


def read_time(text: str) -> datetime | None:
    """Return the time that stands in the notes as `text`, None for what somebody's edit has made no time."""
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def write_time(moment: datetime) -> str:
    """Return a time as the notes have it: UTC, to the second."""
    return moment.strftime(_FORMAT)


def stamped(known: Mapping[str, datetime], values: Mapping[str, Secret], key: bytes) -> dict[str, str]:
    """Return `made` for the secrets of which a time is known."""
    return {name: f"{write_time(known[name])} {values[name].fingerprint(key)}" for name in _order(known)}


def _order(names: Iterable[str]) -> list[str]:
    return [name for name in SECRET_NAMES if name in set(names)]


def _texts(about: Mapping[str, Entry], name: str, shown: str) -> dict[str, str]:
    if name not in about:
        return {}
    found = mapping_of(about[name], shown, f"`{KEY}.{name}`")
    return {key: one.value for key, one in found.items() if isinstance(one.value, str)}
