"""`invoke doctor`: everything that can be said before a first deploy, each with what to type next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gateway.checkup import files_of, host_findings, places_of, registries_of
from gateway.commands.fleet_state import observe
from gateway.commands.images import undigested
from gateway.commands.project import Project, identity_path, vault_path
from gateway.console import say, table
from gateway.errors import ConfigurationError, GatewayError
from gateway.images import load_lock
from gateway.inventory import Inventory
from gateway.preflight import Finding
from gateway.private_file import home_path, need_writable
from gateway.render import render_environment
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import Conversations, connected, on_all
from gateway.vault import Vault, create_missing, open_vault
from gateway.vault_text import text_to_secrets
from gateway.wording import printable

Result = TypeVar("Result")
HERE = "(files)"  # where findings of the inventory, secrets and images stand in the table


def doctor(project: Project, host: str, as_json: bool) -> dict[str, Any]:
    """Look at the environment's files and hosts, or one `host`, print what stands in the way, and return it as data.

    Nothing is changed, on this machine or a host; secrets that are missing are not made. Raises
    ConfigurationError when anything was found, after it was printed.
    """
    inventory = chosen(project.inventory, host)
    found = {HERE: file_findings(project)}
    hosts, notes = _hosts(inventory)
    found |= hosts
    result = {
        "environment": inventory.environment,
        "ok": not any(found.values()),
        "findings": {name: [one._asdict() for one in findings] for name, findings in found.items()},
        "notes": notes,
    }
    if not as_json:
        for name, note in notes.items():
            say(f"{name}: {note}")
        rows = [[name, one.text, one.next_step] for name, findings in found.items() for one in findings]
        if rows:
            table("", ["where", "found", "next"], rows)
    count = sum(len(findings) for findings in found.values())
    if count:
        raise ConfigurationError(
            f"{count} in the way of a deploy", where=inventory.environment, report=result,
            unaffected="every host: nothing was changed", next_step="do what stands under `next`, then ask again",
        )  # fmt: skip
    if not as_json:
        say(f"nothing stands in the way: invoke deploy --env {inventory.environment}", "green")
    return result


def chosen(inventory: Inventory, host: str) -> Inventory:
    """Return the inventory with only `host` selected, as it is for an empty text. Raises ConfigurationError."""
    if not host:
        return inventory
    if host not in inventory.hosts:
        raise ConfigurationError(
            f"there is no host `{printable(host)}`", where="--host", next_step=f"one of: {', '.join(inventory.hosts)}"
        )
    return Inventory(inventory.environment, inventory.path, inventory.hosts, (host,))


def file_findings(project: Project) -> list[Finding]:
    """Return what stands in the way in the files: secrets, digests of images, upstream, and the rendering of it all."""
    inventory = project.inventory
    found: list[Finding] = []

    def attempt(work: Callable[[], Result]) -> Result | None:
        """Return what `work` gives, None when it fails, which is noted."""
        try:
            return work()
        except GatewayError as error:
            found.append(_as_finding(error))
            return None

    lock = attempt(lambda: load_lock(inventory.path / "images.lock.yml"))
    unlocked = [] if lock is None else [image for image in undigested(inventory) if image not in lock]
    if unlocked:
        words = f"{len(unlocked)} images have no digest, the first is {unlocked[0]}"
        found.append(Finding(words, f"invoke images.lock --env {inventory.environment}"))
    upstream, vault = attempt(lambda: project.upstream), attempt(lambda: _vault(inventory))
    if upstream and vault and lock is not None and not unlocked:
        attempt(lambda: render_environment(inventory, vault, upstream, lock))
    return found


def _vault(inventory: Inventory) -> Vault:
    """Return the secrets as a deploy would have them; those that are missing are made, and kept nowhere."""
    path = vault_path(inventory)
    vault = open_vault(path, identity_path(inventory)) if path.exists() else Vault(text_to_secrets("", path.name))
    return create_missing(vault)[0]


def _hosts(inventory: Inventory) -> tuple[dict[str, list[Finding]], dict[str, str]]:
    """Return by host what stands in the way and, of those that answered, what they are."""
    unreachable: dict[str, Exception] = {}
    found: dict[str, list[Finding]] = {}
    with connected(inventory, unreachable.update) as conversations:
        observed = observe(inventory, conversations, on_failure=unreachable.update)
        examined, failures = on_all(list(observed), lambda name: _examine(inventory, conversations, name, observed))
    unreachable |= failures
    notes = {}
    for name in inventory.selected:
        if name in unreachable:
            found[name] = [_as_finding(unreachable[name])]
        else:
            seen, host = observed[name], inventory.hosts[name]
            found[name] = host_findings(inventory, host, seen, examined[name])
            notes[name] = _note(seen, examined[name])
    return found, notes


def _examine(inventory: Inventory, conversations: Conversations, name: str, observed: Mapping[str, Any]) -> Any:
    """Return what a host says of its surroundings; a Docker that runs already is asked for images itself."""
    host, conversation = inventory.hosts[name], conversations[name]
    places, registries = places_of(inventory, host), {}
    if observed[name]["facts"]["engine"]:  # it may go by way of a proxy or a mirror, of which only it knows
        certificates = observed[name]["facts"]["certificates"]
        for place, image in registries_of(host).items():
            if not certificates.get(image.partition("/")[0], "none needed"):
                continue  # a deploy brings it; until then Docker refuses, and only the way there can be looked at
            places.pop(place, None)
            try:
                conversation.request("resolve", images=[image])
            except AgentError as error:
                registries[image] = error.message
    examined = conversation.request("examine", places=[list(place) for place in places], files=files_of(host))
    return {**examined, "registries": registries}


def _note(seen: Mapping[str, Any], examined: Mapping[str, Any]) -> str:
    facts = seen["facts"]
    docker = f"Docker {facts['engine']}" if facts["engine"] else "no Docker yet, a deploy installs it"
    runs = f"runs release {seen['current']}; invoke verify checks that" if seen["current"] else "nothing deployed yet"
    return (
        f"{examined['system']}, {facts['architecture']}, Linux {facts['kernel']}, {docker},"
        f" {facts['memory'] >> 20} MB of memory, {facts['disk_free']['releases'] >> 30} GB free; {runs}"
    )


def _as_finding(error: Exception) -> Finding:
    """Return an error as a finding: what is wrong, and what it says to type next."""
    if isinstance(error, GatewayError):
        where = f"{error.where}: " if error.where else ""
        return Finding(f"{where}{error.message}", error.next_step)
    if isinstance(error, AgentError):
        return Finding(f"{error.step}: {error.message}", "mend it on the host, then ask again")
    return Finding(f"{type(error).__name__}: {error}", "this is a defect of this program; --debug shows where")


def bundle_path(text: str) -> Path:
    """Return the file that a bundle is to be written to. Raises ConfigurationError for a name of another kind."""
    path = home_path(text, "--bundle")
    if not path.name.endswith(".tar.gz"):
        raise ConfigurationError(
            f"`{printable(text)}` does not end in .tar.gz", where="--bundle", next_step="--bundle help.tar.gz"
        )
    need_writable(path)
    if path.exists():
        raise ConfigurationError(
            f"{printable(text)} is there already", where="--bundle", next_step="give another name, or remove it"
        )
    return path
