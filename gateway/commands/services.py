"""Which services an environment's hosts run, for verbs that take the name of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import ConfigurationError
from gateway.wording import did_you_mean, nearest_name, printable


def services_on(seen: Mapping[str, Any]) -> list[str]:
    """Return the services of a host by its snapshot: those of its release that stay, and what runs besides."""
    wanted = [one["name"] for one in (seen["manifest"] or {"services": []})["services"] if not one["one_shot"]]
    return sorted({*wanted, *(container["service"] for container in seen["containers"])})


def chosen_services(text: str, observed: Mapping[str, Mapping[str, Any]], where: str) -> list[str]:
    """Return the services that a comma-separated text names, none for an empty text.

    Raises ConfigurationError for a name that no host of `observed` knows, with those that they know.
    """
    known = sorted({name for seen in observed.values() for name in services_on(seen)})
    names: Sequence[str] = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"there is no service `{printable(name)}`{did_you_mean(nearest_name(name, known))}", where=where,
                next_step=f"one of: {', '.join(known)}" if known else "deploy first: nothing runs yet",
            )  # fmt: skip
    return list(names)
