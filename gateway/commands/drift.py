"""`invoke drift`: what on the hosts is not as the release says that they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.agent.store import release_number
from gateway.commands.fleet_state import observe
from gateway.console import say, table
from gateway.errors import UnreachableError, VerificationError
from gateway.inventory import Inventory
from gateway.plan.history import outcomes
from gateway.plan.observed import altered_files, guard_changes, service_changes
from gateway.transport.fleet import connected

_FOUND = {"create": "missing", "remove": "no part of the release"}


@dataclass(frozen=True)
class Difference:
    """One thing on a host that differs: a `release`, `file`, `guard` or `container`, how, and what mends it."""

    host: str
    kind: str
    name: str
    found: str
    mend: str


def drift(inventory: Inventory, as_json: bool) -> dict[str, Any]:
    """Compare every host with its current release and the hosts with each other; return the differences as data.

    Changes nothing. Raises VerificationError when something differs, and UnreachableError when a host could not be
    asked; both after the table.
    """
    unreachable: dict[str, Exception] = {}
    with connected(inventory, unreachable.update) as conversations:
        observed = observe(inventory, conversations, on_failure=unreachable.update)
    found = [*_mixed(observed, inventory.environment)]
    for name, seen in observed.items():
        found += differences(name, seen, inventory.environment)
    found.sort(key=lambda one: (one.host, one.kind != "release", one.kind, one.name))
    result = {
        "environment": inventory.environment, "releases": {name: seen["current"] for name, seen in observed.items()},
        "drift": [asdict(one) for one in found], "unreachable": sorted(unreachable),
    }  # fmt: skip
    if not as_json:
        _print(found, observed, unreachable)
    if unreachable:
        raise UnreachableError(
            f"{len(unreachable)} of {len(inventory.selected)} hosts did not answer; differences on the others:"
            f" {len(found)}", where=", ".join(sorted(unreachable)),
            next_step=f"invoke status --env {inventory.environment}", report=result,
        )  # fmt: skip
    if found:
        hosts = sorted({one.host for one in found})
        raise VerificationError(
            f"{len(found)} difference{'' if len(found) == 1 else 's'} on {', '.join(hosts)}",
            unaffected="nothing was changed",
            next_step="the command beside each puts it right; what the inventory would change besides:"
            f" invoke plan --env {inventory.environment}",
            report=result,
        )  # fmt: skip
    return result


def differences(host: str, seen: Mapping[str, Any], environment: str) -> Iterator[Difference]:
    """Yield what a host's snapshot shows that its current release does not say."""
    deploy = f"invoke deploy --env {environment}"
    current, manifest = seen["current"], seen["manifest"]
    if manifest is None:
        words = "there is none of this environment" if current is None else "its manifest cannot be read"
        yield Difference(host, "release", current or "-", words, deploy)
        return
    if seen["interrupted"]:
        yield Difference(host, "release", current, "a switch was cut off and nobody finishes it", deploy)
    elif not seen["lease"] and outcomes(seen["history"]).get(current) != "good":
        yield Difference(host, "release", current, "it was never verified", deploy)
    for name in altered_files(seen):
        yield Difference(host, "file", name, _file_found(name, seen), deploy)
    for words in guard_changes(manifest, seen):
        yield Difference(host, "guard", "-", f"a deploy would {words}", deploy)
    for change in service_changes(manifest, seen):
        yield Difference(host, "container", change.service, _FOUND.get(change.action, change.reason), deploy)
    for name in seen["foreign_containers"]:
        yield Difference(host, "container", name, "no release made it", f"on {host}: docker rm --force {name}")


def _file_found(name: str, seen: Mapping[str, Any]) -> str:
    """Return what is the matter with a file of `altered_files`."""
    if name not in seen["contents"]:
        return "edited or removed"
    if seen["contents"][name] is None:
        return "missing"
    mode, wanted = seen["modes"][name], f"{seen['manifest']['files'][name]['mode']} 0"
    return "edited" if mode == wanted else f"mode and owner are {mode}, not {wanted}"


def _mixed(observed: Mapping[str, Mapping[str, Any]], environment: str) -> Iterator[Difference]:
    """Yield the hosts that run an older release than others do."""
    releases = {name: seen["current"] for name, seen in observed.items() if seen["manifest"] is not None}
    newest = max(releases.values(), key=release_number, default="")
    for name, release in releases.items():
        if release != newest:
            words = f"other hosts run {newest}"
            yield Difference(name, "release", release, words, f"invoke deploy --env {environment}")


def _print(
    found: list[Difference], observed: Mapping[str, Mapping[str, Any]], unreachable: Mapping[str, Exception]
) -> None:
    if found:
        columns = ["host", "what", "name", "found", "mended by"]
        table("", columns, [[one.host, one.kind, one.name, one.found, one.mend] for one in found])
    elif observed:
        hosts = ", ".join(f"{name} ({seen['current']})" for name, seen in observed.items())
        say(f"no drift: {hosts}", "green")
    for error in unreachable.values():
        say(str(error), "red")
