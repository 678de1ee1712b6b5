"""`invoke upgrade.check`: what a candidate of upstream would change, before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.console import say, table
from gateway.eras import Era, load_eras, passed, passed_stops, problem
from gateway.errors import ConfigurationError, VerificationError
from gateway.inventory import Inventory
from gateway.own_variables import left_out, set_by_templates
from gateway.upstream import built_from, cache_of, repository_of
from gateway.upstream_changes import Change, changes, judged_examples, migration_changes, unset_variables
from gateway.upstream_shape import Shape, read_shape
from gateway.variables import HostVariables

# The services of Helicone's compose file that this project runs, laid over with definitions of its own.
USED = ("db", "clickhouse", "migrations", "jawn", "web")
SHOWN = 60  # characters of a value in the table; --json has them whole


def check(inventory: Inventory, root: Path, ref: str, as_json: bool) -> dict[str, Any]:
    """Compare the pinned upstream with `ref`, print what differs, and return it as data. No host is asked.

    Pinned is `upstream.ref`, and for the migrations and the eras the ref that the migrations image was
    built from. Raises VerificationError when something stands in the way (a skipped hard stop, a
    variable that nobody sets, a migration that Flyway would refuse), ConfigurationError when a ref or
    the repository cannot be read.
    """
    variables = next(iter(inventory.hosts.values())).variables
    wanted = variables.upstream
    if not ref:
        raise ConfigurationError(
            "no candidate was named", where="--ref",
            next_step=f"add --ref with a commit, tag or branch of {wanted.repo}",
        )  # fmt: skip
    code_ref = built_from(variables) or wanted.ref
    read = {
        one: _read(variables, root, one, given) for given, one in (("", wanted.ref), ("", code_ref), ("--ref", ref))
    }
    (pinned, _), (code, _), (candidate, _) = read[wanted.ref], read[code_ref], read[ref]
    notices = [notice for _, notice in read.values() if notice]
    ours, reasons = set_by_templates(root, variables), left_out(root)
    known = {service: names | reasons.get(service, {}).keys() for service, names in ours.items()}
    found = [
        *judged_examples(changes(pinned, candidate, USED), known),
        *unset_variables(candidate, known),
        *migration_changes(code, candidate),
    ]
    eras = load_eras(root)
    stop = problem(eras, code.date, candidate.date, passed_stops(inventory, eras))
    problems = [*_problems(found), *([f"{stop[0]}; {stop[1]}"] if stop else [])]
    between = passed(eras, code.date, candidate.date)
    result = {
        "environment": inventory.environment,
        "pinned": _version(wanted.ref, pinned),
        "images_built_from": _version(code_ref, code),
        "candidate": _version(ref, candidate),
        "changes": [asdict(one) for one in found],
        "eras": [era.model_dump() for era in between],
        "problems": problems,
        "notices": notices,
        "ok": not problems,
    }
    if not as_json:
        _print(result, found, between)
    if problems:
        raise VerificationError(
            f"{ref} cannot follow what is pinned: {len(problems)} in the way", report=result,
            unaffected="every host: none was asked", next_step="see to each line `in the way` above",
        )  # fmt: skip
    return result


def _problems(found: Sequence[Change]) -> list[str]:
    """Return what stands in the way, one sentence for all changes of which the same is to be said."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in found:
        if one.problem:
            groups.setdefault((one.kind, one.where, one.problem), []).append(one.name)
    return [
        f"{kind} {names[0]}{f' and {len(names) - 1} more' if names[1:] else ''} ({where}): {text}"
        for (kind, where, text), names in groups.items()
    ]


def _read(variables: HostVariables, root: Path, ref: str, given: str) -> tuple[Shape, str]:
    """Return upstream at `ref`; an error about a ref that was `given` on the command line says so."""
    try:
        return read_shape(repository_of(variables, root), ref, variables.upstream.compose_path, cache_of(root))
    except ConfigurationError as error:
        if given and error.where == "upstream.ref":
            raise ConfigurationError(
                error.message, where=given, next_step="give a commit, tag or branch that it has"
            ) from None
        raise


def _version(ref: str, shape: Shape) -> dict[str, str]:
    return {"ref": ref, "commit": shape.commit, "date": shape.date}


def _print(result: Mapping[str, Any], found: Sequence[Change], between: Sequence[Era]) -> None:
    for notice in result["notices"]:
        say(notice, "yellow")
    for what in ("pinned", "images_built_from", "candidate"):
        version = result[what]
        say(f"{what.replace('_', ' '):<18} {version['ref'][:40]}  {version['commit'][:12]}  {version['date'][:10]}")
    here = [one for one in found if one.problem or _is_ours(one)]
    rows = [_row(one) for one in here if one.kind != "migration"]
    table("", ["what", "where", "change", "name", "before", "after"], rows + _migration_rows(here))
    elsewhere = len(found) - len(here)
    if elsewhere:
        say(f"{elsewhere} more in services that are not run here: --json lists them")
    for era in between:
        say(f"{era.date[:10]} {era.name}: {era.changed}", "yellow")
        say(f"           here: {era.here}")
    for one in result["problems"]:
        say(f"in the way: {one}", "red")
    if result["ok"]:
        say("nothing stands in the way", "green")


def _is_ours(change: Change) -> bool:
    """Tell whether a change is of something that runs here, or of no single service."""
    return change.kind in ("service", "migration", "example", "compose variable") or change.where in ("", *USED)


def _migration_rows(found: Sequence[Change]) -> list[list[str]]:
    """Return one row for the migrations of a store that changed in the same way: there may be dozens."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if one.kind == "migration":
            groups.setdefault((one.where, one.change), []).append(one.name)
    return [
        ["migrations", store, change, f"{len(names)}: {names[0]}" + (f" to {names[-1]}" if names[1:] else ""), "", ""]
        for (store, change), names in groups.items()
    ]


def _row(change: Change) -> list[str]:
    shown = [text if len(text) <= SHOWN else f"{text[:SHOWN]}…" for text in (change.before, change.after)]
    return [change.kind, change.where, change.change, change.name, *(" ".join(text.split()) for text in shown)]
