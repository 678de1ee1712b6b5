"""Where Helicone changed so that not every upgrade may pass it: `roles/app/eras.yml`, and what it forbids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints, ValidationError

from gateway.document import mapping_of, plain, read_document
from gateway.errors import ConfigurationError
from gateway.variable_types import Section, Text

if TYPE_CHECKING:
    from gateway.inventory.model import Inventory

FILE = Path("roles") / "app" / "eras.yml"
_DATED_TAG = re.compile(r":v(\d{4})\.(\d{2})\.(\d{2})(-\d+)?$")  # the form of Helicone's own tags
_HELICONE = ("jawn", "web", "migrations")
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class HardStop(Section):
    """The version that has to run before the era's commit may be passed, when it came, and why."""

    stop_at: Text
    date: Moment
    because: Text


class Unusable(Section):
    """The first version after the era's commit that can be deployed, when it came, and why none before it can."""

    commit: Commit
    date: Moment
    because: Text


class Era(Section):
    """One change of Helicone's: since when, what, what is to be done about it, and where it can be read."""

    name: str
    commit: Commit
    date: Moment
    changed: Text
    here: Text
    source: Text
    hard_stop: HardStop | None = None
    unusable_until: Unusable | None = None


def load_eras(root: Path) -> tuple[Era, ...]:
    """Return the eras, oldest first. Raises ConfigurationError for a file that is not in their shape."""
    shown = str(FILE)
    document = mapping_of(read_document(root / FILE, shown), shown, "the eras")
    eras = []
    for name, entry in document.items():
        try:
            eras.append(Era(name=name, **_plain(entry.value)))
        except (ValidationError, TypeError):
            raise ConfigurationError(
                f"the era {name} is not complete", where=f"{shown}:{entry.line}",
                next_step="give it what the head of the file asks for",
            ) from None  # fmt: skip
    return tuple(sorted(eras, key=lambda era: era.date))


def _plain(value: Any) -> dict[str, Any]:
    """Return a mapping of a document without its lines. Raises TypeError for anything else."""
    if not isinstance(value, dict):
        raise TypeError
    found: dict[str, Any] = plain(value)
    return found


def moments(manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return when the versions of Helicone came that releases run: of the code, and of images with a dated tag.

    Hosts may run different ones, and so may one host's services; a release from before dates were
    written down, and images of one's own naming, tell nothing.
    """
    found = []
    for manifest in manifests:
        date = (manifest.get("code") or {}).get("date")
        found += [date] if date else []
        found += [
            f"{'-'.join(match.groups()[:3])}T23:59:59Z"
            for service in manifest["services"]
            if service["name"] in _HELICONE
            and (match := _DATED_TAG.search(service["image"].partition("@")[0]))
        ]  # fmt: skip
    return sorted(found)


def passed(eras: Sequence[Era], running: str, candidate: str) -> list[Era]:
    """Return the eras that begin after the moment `running` and not after the moment `candidate`."""
    return [era for era in eras if running < era.date <= candidate]


def problem(eras: Sequence[Era], running: str, candidate: str, done: Sequence[str] = ()) -> tuple[str, str] | None:
    """Return why a version of the moment `candidate` must not follow one of the moment `running`, and what may.

    `running` is empty where nothing runs yet. Of several hard stops the first one is told: it is
    where the way leads next. Stops in `done` are passed.
    """
    for era in eras:
        until = era.unusable_until
        if until is not None and era.date <= candidate < until.date:
            return (
                f"a Helicone of {candidate[:10]} cannot be deployed: {until.because} ({era.name})",
                f"the next version that can: {until.commit} of {until.date[:10]}, or a later one",
            )
    for era in passed(eras, running, candidate) if running else ():
        stop = era.hard_stop
        if stop is not None and running < stop.date and era.name not in done:
            message = (
                f"a Helicone of {candidate[:10]} must not follow one of {running[:10]} in one step, the hard stop"
                f" {era.name} lies between: {era.changed}; {stop.because}"
            )
            next_step = (
                f"the next version that is allowed: {stop.stop_at} of {stop.date[:10]}; deploy it, {era.here},"
                f" then go on. If you have seen to it: upstream.passed_stops: [{era.name}]"
            )
            return message, next_step
    return None


def refuse_skipped_stop(
    root: Path, inventory: Inventory, running: Iterable[Mapping[str, Any]], wanted: Iterable[Mapping[str, Any]]
) -> None:
    """Raise ConfigurationError when the release of the manifests `wanted` must not follow that of `running`.

    Where hosts or images differ, the oldest that runs counts, and each that is wanted.
    """
    eras = load_eras(root)
    done = passed_stops(inventory, eras)
    before, after = moments(running), moments(wanted)
    found = next((one for moment in after if (one := problem(eras, before[0] if before else "", moment, done))), None)
    if found:
        raise ConfigurationError(
            found[0], where="upstream.ref, images", unaffected="every host: nothing was changed", next_step=found[1]
        )


def passed_stops(inventory: Inventory, eras: Sequence[Era]) -> list[str]:
    """Return the hard stops that the inventory calls seen to. Raises ConfigurationError for one that is none."""
    done = next(iter(inventory.hosts.values())).variables.upstream.passed_stops
    known = [era.name for era in eras if era.hard_stop]
    for name in done:
        if name not in known:
            raise ConfigurationError(
                f"`{name}` is no hard stop (known: {', '.join(known)})", where="upstream.passed_stops",
                next_step=f"take it out, or look up its name in {FILE}",
            )  # fmt: skip
    return done
