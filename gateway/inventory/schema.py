"""The keys that an inventory may use, as the pydantic models of the variables give them."""

from __future__ import annotations

import difflib
import functools
from enum import Enum
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from gateway.variables import HostVariables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What Ansible calls things, and what they are called here.
_ANSIBLE = {
    "ansible_host": "connection.address",
    "ansible_ssh_host": "connection.address",
    "ansible_port": "connection.port",
    "ansible_ssh_port": "connection.port",
    "ansible_user": "connection.user",
    "ansible_ssh_user": "connection.user",
    "ansible_connection": "connection.transport",
    "ansible_become": "connection.become",
    "ansible_ssh_private_key_file": "connection.identity_file",
    "ansible_private_key_file": "connection.identity_file",
    "ansible_ssh_common_args": "connection.jump",
    "ansible_ssh_timeout": "connection.timeout",
    "ansible_timeout": "connection.timeout",
}


class Kind(Enum):
    """What a key holds: more named keys, free keys of values or of sections, a number, or any other value."""

    SECTION = "section"
    MAPPING = "mapping"
    SECTIONS = "sections"
    NUMBER = "number"
    VALUE = "value"


@functools.cache
def known_keys() -> Mapping[str, Kind]:
    """Return every dotted key of `HostVariables` with its kind, sections before their keys.

    Below sections that the inventory names itself, `*` stands for the name: `providers.*.base_url`.
    """
    return dict(_keys_of(HostVariables, ""))


def kind_of(key: str) -> Kind | None:
    """Return the kind of the dotted `key`; a free key of a mapping is a value; None if unknown."""
    kind = known_keys().get(key) or known_keys().get(_starred(key))
    if kind is None and mapping_above(key) is not None:
        return Kind.VALUE
    return kind


def _starred(key: str) -> str:
    """Return `key` with `*` for the name that the inventory gave to a section: `providers.vllm.kind`."""
    parts = key.split(".")
    for length in range(1, len(parts)):
        above = ".".join(parts[:length])
        if known_keys().get(above) is Kind.SECTIONS:
            return ".".join([above, "*", *parts[length + 1 :]])
    return key


def mapping_above(key: str) -> str | None:
    """Return the mapping that the dotted `key` is a free key of, or None.

    Free keys may hold dots themselves, as registry names in `docker.registry_certificates` do.
    """
    parts = key.split(".")
    for length in range(1, len(parts)):
        above = ".".join(parts[:length])
        if known_keys().get(above) is Kind.MAPPING:
            return above
    return None


@functools.lru_cache(maxsize=4096)
def path_of(key: str) -> tuple[str, ...]:
    """Return the steps that lead to the dotted `key` in the nested variables."""
    above = mapping_above(key)
    if above is None:
        return tuple(key.split("."))
    return (*above.split("."), key[len(above) + 1 :])


def nearest_key(key: str) -> str | None:
    """Return the known dotted key that an unknown `key` most likely means, or None."""
    last = key.rpartition(".")[2]
    if last in _ANSIBLE:
        return _ANSIBLE[last]
    generic = _starred(key)
    scores = {name: _likeness(generic, last, name) for name in known_keys()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] < 0.6:  # difflib's own limit for "close"
        return None
    return best.replace("*", key.split(".")[best.split(".").index("*")]) if "*" in best and generic != key else best


def _likeness(key: str, last: str, name: str) -> float:
    """Return how much `name` is like `key`: as a whole, or a little less in its last word alone."""
    whole = difflib.SequenceMatcher(None, name, key).ratio()
    word = difflib.SequenceMatcher(None, name.rpartition(".")[2], last).ratio()
    return max(whole, 0.9 * word)


def _keys_of(model: type[BaseModel], prefix: str) -> Iterable[tuple[str, Kind]]:
    """Yield the keys of `model` and of the sections in it, each with `prefix` before it."""
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield prefix + name, Kind.SECTION
            yield from _keys_of(annotation, f"{prefix}{name}.")
        elif get_origin(annotation) is dict:
            inner = get_args(annotation)[1]
            sections = isinstance(inner, type) and issubclass(inner, BaseModel)
            yield prefix + name, Kind.SECTIONS if sections else Kind.MAPPING
            if sections:
                yield f"{prefix}{name}.*", Kind.SECTION
                yield from _keys_of(inner, f"{prefix}{name}.*.")
        elif {annotation, *get_args(annotation)} & {int, float}:
            yield prefix + name, Kind.NUMBER
        else:
            yield prefix + name, Kind.VALUE
