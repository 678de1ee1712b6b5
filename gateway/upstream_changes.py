"""What differs between two versions of upstream, and what of it stands in the way of an upgrade."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.migrations import STORES, doubled, late, newer
from gateway.upstream_shape import ServiceShape, Shape


@dataclass(frozen=True)
class Change:
    """One difference: of which kind, where, whether it was added, removed, renamed or changed, and from what to what.

    `problem` says why it stands in the way, and is empty for what is only to be known.
    """

    kind: str
    where: str
    change: str
    name: str
    before: str = ""
    after: str = ""
    problem: str = ""


def changes(pinned: Shape, candidate: Shape, used: Collection[str]) -> list[Change]:
    """Return everything that differs in compose file and examples; `used` are the services that are run here."""
    found = [*_services(pinned.services, candidate.services, used)]
    found += _names("volume", "", pinned.volumes, candidate.volumes)
    found += _names("compose variable", "", pinned.interpolated, candidate.interpolated)
    for path in dict.fromkeys([*pinned.examples, *candidate.examples]):
        found += _variables("example", path, pinned.examples.get(path, {}), candidate.examples.get(path, {}))
    return found


def unset_variables(candidate: Shape, known: Mapping[str, Collection[str]]) -> list[Change]:
    """Return the variables that `candidate` gives to a service and this project neither sets nor leaves out on purpose.

    `known` has the names of both kinds by service.
    """
    return [
        Change(
            "variable", service, "not set here", name, after=value,
            problem=f"templates for {service} do not set {name}: set it, or give a reason in roles/app/not_set.yml",
        )
        for service, names in known.items() if service in candidate.services
        for name, value in candidate.services[service].environment.items()
        if name not in names
    ]  # fmt: skip


def judged_examples(found: Sequence[Change], known: Mapping[str, Collection[str]]) -> list[Change]:
    """Return all changes, with the problem of those that are new in a service's example settings and not `known`.

    Code may ask for a variable that upstream's compose file does not have: REQUEST_CACHE_KEY came like that.
    """
    return [replace(one, problem=_example_problem(one, known)) if one.kind == "example" else one for one in found]


def _example_problem(change: Change, known: Mapping[str, Collection[str]]) -> str:
    services = [name for name in known if name in change.where.split("/")]
    if not services or change.change not in ("added", "renamed") or change.name in known[services[0]]:
        return ""
    return (
        f"{services[0]} may want {change.name}, and nothing here sets it: set it in its template or in"
        f" {services[0]}.environment, or give a reason in roles/app/not_set.yml"
    )


def migration_changes(pinned: Shape, candidate: Shape) -> list[Change]:
    """Return what differs in the migrations, with what Flyway would refuse."""
    found = []
    for store, shown in STORES.items():
        before, after = dict(getattr(pinned, store)), dict(getattr(candidate, store))
        out_of_order = set(late(before, after)) if store == "postgres" else set()
        beyond = set(newer(before, after))
        for name in sorted(after.keys() - before.keys()):
            problem = "it sorts before one that has run: Flyway refuses to migrate" if name in out_of_order else ""
            found.append(Change("migration", shown, "added", name, problem=problem))
        for name in sorted(before.keys() - after.keys()):
            problem = "the candidate's schema is older; no migration leads back" if name in beyond else ""
            found.append(Change("migration", shown, "removed", name, problem=problem))
        found += [
            Change("migration", shown, "edited", name, after="a database that has run it keeps what it did")
            for name in sorted(before.keys() & after.keys())
            if before[name] != after[name]
        ]
    found += [
        Change("migration", "PostgreSQL", "doubled", name, problem="two files have this version: Flyway refuses both")
        for name in doubled(candidate.names("postgres"))
    ]
    return found


def _services(
    before: Mapping[str, ServiceShape], after: Mapping[str, ServiceShape], used: Collection[str]
) -> Iterator[Change]:
    for name in sorted(before.keys() - after.keys()):
        problem = "this project lays its own definition over it" if name in used else ""
        yield Change("service", name, "removed", name, before=before[name].image, problem=problem)
    for name in sorted(after.keys() - before.keys()):
        profiles = f" (profile {', '.join(after[name].profiles)})" if after[name].profiles else ""
        yield Change("service", name, "added", name, after=f"{after[name].image}{profiles}; not run here")
    for name in sorted(before.keys() & after.keys()):
        old, new = before[name], after[name]
        if old.image != new.image:
            yield Change("image", name, "changed", name, old.image, new.image)
        yield from _names("port", name, old.ports, new.ports)
        yield from _names("volume", name, old.volumes, new.volumes)
        yield from _variables("variable", name, old.environment, new.environment)


def _names(kind: str, where: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    for name in sorted(set(before) - set(after)):
        yield Change(kind, where, "removed", name)
    for name in sorted(set(after) - set(before)):
        yield Change(kind, where, "added", name)


def _variables(kind: str, where: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Yield the variables that came, went, got another value, or another name for the same value."""
    gone, come = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    for old in gone:
        heirs = [new for new in come if after[new] == before[old] and len(before[old]) > 1]
        if len(heirs) == 1:
            come.remove(heirs[0])
            yield Change(kind, where, "renamed", heirs[0], before=old, after=heirs[0])
        else:
            yield Change(kind, where, "removed", old, before=before[old])
    yield from (Change(kind, where, "added", new, after=after[new]) for new in come)
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield Change(kind, where, "changed", name, before[name], after[name])
