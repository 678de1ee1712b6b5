"""Making a plan: for every host the operations that lead from what was observed to what is desired."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import ConfigurationError
from gateway.inventory.model import Host, Inventory, wanted_packages
from gateway.migrations import new_files, undo_of
from gateway.plan.diff import file_diff
from gateway.plan.history import outcomes
from gateway.plan.observed import (
    ServiceChange,
    altered_files,
    before_upgrade,
    guard_changes,
    is_current,
    service_changes,
)
from gateway.plan.operations import (
    CreateAccount,
    GuardHost,
    Operation,
    PrepareHost,
    PullImages,
    StageRelease,
    SwitchRelease,
)
from gateway.release import HostRelease, next_identifier
from gateway.versions import at_least

Observed = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class HostPlan:
    """What changes on one host: unified diffs by file, services, and files that somebody altered there.

    `migrations` has by store the files that the release runs there and the current one did not know;
    `upgrades` tells that they meet data, `undo` what becomes of them if the deploy fails (`migrations.undo_of`).
    """

    host: str
    diffs: Mapping[str, str]
    changes: tuple[ServiceChange, ...]
    altered: tuple[str, ...]
    migrations: Mapping[str, list[str]] = field(default_factory=dict)
    upgrades: bool = False
    undo: str = ""


@dataclass(frozen=True)
class Phase:
    """Operations that belong together: waves one after the other, each on all its hosts at once."""

    title: str
    waves: tuple[tuple[Operation, ...], ...]


@dataclass(frozen=True)
class Plan:
    """What a deploy or rollback will do, in order. `touching` phases change what runs; those before do not."""

    identifier: str
    hosts: Mapping[str, HostPlan]
    preparing: tuple[Phase, ...]
    touching: tuple[Phase, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to do."""
        return not self.preparing and not self.touching


def build_deploy(
    inventory: Inventory, releases: Mapping[str, HostRelease], observed: Observed, program: Path, key: bytes
) -> Plan:
    """Return the plan that brings the selected hosts to `releases`.

    `program` is the Compose binary to ship where a host lacks it, `key` keys the fingerprints of
    secrets in diffs. When no host differs, and all stand on one release, the plan is empty. Otherwise every
    selected host gets the release, so that they do; services whose definition is the same are not touched.
    """
    names = list(inventory.selected)
    together = len({observed[name]["current"] for name in names}) <= 1  # not after a deploy to some of them alone
    if together and all(is_current(releases[name], observed[name]) for name in names):
        current = str(observed[names[0]]["current"]) if names else ""
        return Plan(current, {name: HostPlan(name, {}, (), ()) for name in names}, (), ())
    known = [identifier for name in names for identifier in observed[name]["releases"]]
    known += [entry["release"] for name in names for entry in observed[name]["history"]]
    identifier = next_identifier(releases, known)
    hosts = {name: _host_plan(inventory, name, releases[name], observed[name], key) for name in names}
    guards = _guards(inventory, {name: releases[name].manifest for name in names}, observed, identifier)
    return Plan(identifier, hosts, _preparing(inventory, releases, observed, identifier, program),
                guards + _touching(inventory, hosts, observed, identifier))  # fmt: skip


def build_rollback(inventory: Inventory, identifier: str, older: Mapping[str, Any], observed: Observed) -> Plan:
    """Return the plan that goes back to a release which the hosts still hold.

    `older` has for every host that release's manifest and which of its images are gone by now.
    """
    hosts = {
        name: HostPlan(name, {}, tuple(service_changes(older[name]["manifest"], observed[name])), ())
        for name in inventory.selected
    }
    pull = [
        PullImages(name, tuple(older[name]["missing_images"]))
        for name in inventory.selected
        if older[name]["missing_images"]
    ]
    preparing = (Phase("pull", (tuple(pull),)),) if pull else ()
    guards = _guards(inventory, {name: older[name]["manifest"] for name in hosts}, observed, identifier)
    switches = Phase("switch", _switch_waves(inventory, hosts, identifier))
    return Plan(identifier, hosts, preparing, (*guards, switches))


def _guards(
    inventory: Inventory, desired: Mapping[str, Mapping[str, Any]], observed: Observed, identifier: str
) -> tuple[Phase, ...]:
    """Return the phase that puts the guards of each host's manifest into force, if any host needs it.

    It comes before the switch: a new host must be let in to the stores before its services start.
    """
    operations = [
        GuardHost(name, identifier, tuple(changes), inventory.hosts[name].variables.firewall.undo_seconds)
        for name in inventory.selected
        if (changes := guard_changes(desired[name], observed[name]))
    ]
    return (Phase("guard", (tuple(operations),)),) if operations else ()


def _host_plan(
    inventory: Inventory, name: str, release: HostRelease, observed: Mapping[str, Any], key: bytes
) -> HostPlan:
    contents = observed["contents"]
    manifest = observed["manifest"] or {"secret_keys": [], "files": {}}
    secrets = {*release.manifest["secret_keys"], *manifest["secret_keys"]}
    diffs = {
        path: file_diff(path, contents.get(path), file.content.decode(), secrets, key)
        for path, file in release.files.items()
    }
    altered = altered_files(observed) if observed["manifest"] else []
    changes = service_changes(release.manifest, observed)
    shown = {path: text for path, text in diffs.items() if text}
    migrations = new_files(before_upgrade(observed), release.manifest)
    upgrades = bool(migrations and observed["manifest"])
    undo = undo_of(inventory, migrations) if upgrades else ""
    return HostPlan(name, shown, tuple(changes), tuple(altered), migrations, upgrades, undo)


def _preparing(
    inventory: Inventory,
    releases: Mapping[str, HostRelease],
    observed: Observed,
    identifier: str,
    program: Path,
) -> tuple[Phase, ...]:
    """Return the phases that touch nothing that runs: prerequisites, upload, images."""
    prepare = [
        prepare_host(inventory, inventory.hosts[name], observed[name]["facts"], program) for name in inventory.selected
    ]
    stage = [StageRelease(name, identifier, releases[name]) for name in inventory.selected]
    pull = [
        PullImages(name, tuple(missing))
        for name in inventory.selected
        if (missing := observed[name]["facts"]["missing_images"])
    ]
    phases = [
        Phase("prepare", (tuple(operation for operation in prepare if operation.describe()),)),
        Phase("stage", (tuple(stage),)),
        Phase("pull", (tuple(pull),)),
    ]
    return tuple(phase for phase in phases if phase.waves[0])


def prepare_host(inventory: Inventory, host: Host, facts: Mapping[str, Any], program: Path) -> PrepareHost:
    """Return the operation that gives a host what it lacks to run containers; it describes itself as empty if nothing.

    `facts` are those of the host's snapshot, `program` is the Compose binary to ship. Raises
    ConfigurationError when a certificate that the inventory names cannot be read, or the program is not
    for the host's architecture.
    """
    docker = host.variables.docker
    certificates = {name: inventory.path.parents[1] / path for name, path in docker.registry_certificates.items()}
    try:
        changed = {
            name: path for name, path in certificates.items() if facts["certificates"].get(name) != path.read_text()
        }
    except OSError as error:
        raise ConfigurationError(
            f"a registry's certificate cannot be read: {error}", where=f"{host.name}: docker.registry_certificates",
            unaffected="nothing was changed", next_step="put the file there, or mend its path in the inventory",
        ) from None  # fmt: skip
    lacks_compose = not at_least(facts["compose"], docker.minimum_compose)
    if lacks_compose and docker.install and facts["architecture"] != platform.machine():
        raise ConfigurationError(
            f"the host needs Compose {docker.minimum_compose} or newer; it is {facts['architecture']}, and the"
            f" program that this machine could send is for {platform.machine()}",
            where=f"{host.name}: Docker Compose", unaffected="nothing was changed",
            next_step="install the Compose plugin on the host by hand",
        )  # fmt: skip
    packages = tuple(name for name in wanted_packages(host) if not facts["tools"][name])
    return PrepareHost(host.name, facts["engine"] is None, program if lacks_compose else None, changed, packages)


def _touching(
    inventory: Inventory, hosts: Mapping[str, HostPlan], observed: Observed, identifier: str
) -> tuple[Phase, ...]:
    phases = [Phase("switch", _switch_waves(inventory, hosts, identifier))]
    changed = {change.service for host in hosts.values() for change in host.changes}
    app = next((name for name in inventory.selected if "app" in inventory.hosts[name].roles), None)
    database = database_host(inventory)
    if app and database in inventory.selected:
        # Until a deploy of both was good, one that was cut off may have left them whole and without an account.
        together = _good(observed[app]) & _good(observed[database])
        if not together or changed & {"web", "db"}:
            phases.append(Phase("account", ((CreateAccount(app, database),),)))
    return tuple(phases)


def _good(observed: Mapping[str, Any]) -> set[str]:
    return {release for release, outcome in outcomes(observed["history"]).items() if outcome == "good"}


def database_host(inventory: Inventory) -> str:
    """Return the host through which PostgreSQL is asked: the one that has it, or any app host for an external one."""
    hosts = inventory.hosts.values()
    for role in ("data", "app"):
        for host in hosts:
            if role in host.roles and (role == "app" or host.variables.postgres.mode == "bundled"):
                return host.name
    return next(iter(inventory.hosts))


def _switch_waves(
    inventory: Inventory, hosts: Mapping[str, HostPlan], identifier: str
) -> tuple[tuple[SwitchRelease, ...], ...]:
    """Return the switches in waves: data hosts one by one, then the others in batches of `deploy.batch`."""

    def switch(name: str) -> SwitchRelease:
        settle = inventory.hosts[name].variables.deploy.settle_seconds
        return SwitchRelease(name, identifier, hosts[name].changes, settle, hosts[name].migrations)

    data = [name for name in inventory.selected if "data" in inventory.hosts[name].roles]
    others = [name for name in inventory.selected if name not in data]
    batch = min((inventory.hosts[name].variables.deploy.batch for name in others), default=1)
    waves = [[name] for name in data] + [list(group) for group in _batches(others, batch)]
    return tuple(tuple(switch(name) for name in wave) for wave in waves)


def _batches(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]
