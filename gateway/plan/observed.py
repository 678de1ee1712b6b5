"""What a host's agent saw, compared with what is desired."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.plan.history import outcomes
from gateway.release import HostRelease

# What is done with each guard of a release, where it has one and where it has none.
GUARDS = {
    "guard/firewall.nft": ("load the firewall", "take the firewall away"),
    "guard/sshd.conf": ("harden sshd", "give sshd its own settings back"),
    "guard/updates.conf": ("install security updates daily", "end the daily security updates"),
}


@dataclass(frozen=True)
class ServiceChange:
    """What must happen to one service, and why.

    It is `create`, `recreate`, `hand over`, `reload`, `start`, `restart` or `remove`. Where Compose by itself would
    keep the container, it is removed first: `removed_first`.
    """

    service: str
    action: str
    reason: str
    removed_first: bool = False


def service_changes(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> list[ServiceChange]:
    """Return what differs between a manifest's services and the containers that were found.

    Compares the content hash that each container carries with the desired one, never a file that a
    failed run may have written. One-shot services do not stay, so they are not compared.
    """
    containers = {container["service"]: container for container in observed["containers"]}
    wanted = {service["name"]: service for service in desired["services"] if not service["one_shot"]}
    changes = [change for service in wanted.values() if (change := _change(service, containers.get(service["name"])))]
    changes += _reloads(desired, observed["manifest"], {change.service for change in changes})
    surplus = [name for name in containers if name not in wanted]
    return changes + [ServiceChange(name, "remove", "not part of the release") for name in surplus]


def _change(service: Mapping[str, Any], container: Mapping[str, Any] | None) -> ServiceChange | None:
    name = service["name"]
    if container is None:
        return ServiceChange(name, "create", "not there")
    beside = "hand over" if service.get("handover") else ""
    found = (
        # Compose keeps a container that it takes for its own without having made it.
        (not container["hash"], beside or "recreate", "no release made it", True),
        (container["hash"] != service["hash"], beside or "recreate", "its definition differs", False),
        (container["image"] != service["image"], beside or "recreate", f"it runs another image: {container['image']}",
         False),
        (container["misread"], beside or "restart", f"it reads an edited {', '.join(container['misread'])}", True),
        (container["state"] != "running", "start", f"it is {container['state']}", False),
        (container["health"] == "unhealthy", "restart", "it is unhealthy", True),
    )  # fmt: skip
    return next(
        (
            ServiceChange(name, action, reason, removed and action != "hand over")
            for differs, action, reason, removed in found
            if differs
        ),
        None,
    )


def _reloads(
    desired: Mapping[str, Any], running: Mapping[str, Any] | None, changing: Collection[str]
) -> list[ServiceChange]:
    """Return the services that keep their container and take up files which changed."""
    files = (running or {}).get("files", {})
    return [
        ServiceChange(service["name"], "reload", "files that it reads while it runs differ")
        for service in desired["services"]
        if service["name"] not in changing
        and any(files.get(path) != desired["files"][path] for path in service.get("live", ()))
    ]


def is_current(release: HostRelease, observed: Mapping[str, Any]) -> bool:
    """Return whether the host's current release is this one, whole, running, and was verified when it came.

    A release whose deploy was cut off before the verification is not: the next deploy makes up for it, as for a
    note that services stand still for a restore.
    """
    manifest = observed["manifest"]
    if manifest is None or observed["interrupted"] is not None or observed["backups"]["standing_still"]:
        return False
    if outcomes(observed["history"]).get(observed["current"]) != "good":
        return False
    if {key: value for key, value in manifest.items() if key != "release"} != dict(release.manifest):
        return False
    if altered_files(observed) or guard_changes(release.manifest, observed):
        return False
    return not service_changes(release.manifest, observed)


def guard_changes(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> list[str]:
    """Return in words which guards of a manifest are not in force, and which are that it does not have."""
    found = observed["guard"]["files"]
    changes = []
    for path, (put, take_away) in GUARDS.items():
        wanted = desired["files"].get(path, {}).get("sha256")
        if wanted != found.get(path):
            changes.append(put if wanted else take_away)
    if observed["guard"]["pending"] and not changes:
        changes.append("keep what was confirmed last")
    return changes


def altered_files(observed: Mapping[str, Any]) -> list[str]:
    """Return the files of the current release that are not as they were delivered: content, mode or owner.

    Among them are the copies that services read while they run, and the hook that brings the environment back
    after a boot, by their paths on the host.
    """
    altered = list(observed["strayed"])
    for name, entry in observed["manifest"]["files"].items():
        content = observed["contents"][name]
        same = content is not None and hashlib.sha256(content.encode()).hexdigest() == entry["sha256"]
        if not same or observed["modes"][name] != f"{entry['mode']} 0":
            altered.append(name)
    return altered


def settled(observed: Mapping[str, Any]) -> str | None:
    """Return the release that a host goes back to: the current one, or where a switch was cut off the one before it.

    In an upgrade that is under way it is the one that this began on.
    """
    cut_off, note = observed["interrupted"], upgrade_under_way(observed)
    if note:
        release: str | None = note["release"]
    elif cut_off is None:
        release = observed["current"]
    else:
        release = cut_off["previous"] if cut_off["step"] == "switching" else cut_off["release"]
    return release


def upgrade_under_way(observed: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the note of an upgrade that a host is still in, None when it is in none.

    It is on the release that the upgrade began on, or was cut off on the way from there or back. A host that came
    whole onto another release has left it behind. The agent judges alike (`upgrading.began_on`).
    """
    note: Mapping[str, Any] | None = observed["backups"]["upgrade"]
    cut_off = observed["interrupted"] or {}
    between = (observed["current"], cut_off.get("release"), cut_off.get("previous"))
    return note if note and note["release"] in between else None


def before_upgrade(observed: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the current release's manifest, without the migrations of an upgrade that the host is still in.

    After a power cut `current` may name the newer release already, of which nobody knows how much was applied.
    """
    manifest: Mapping[str, Any] | None = observed["manifest"]
    note = upgrade_under_way(observed)
    if not note or not manifest or not manifest["migrations"]:
        return manifest
    migrations = dict(manifest["migrations"])
    for store, missing in note["missing"].items():
        files = [name for name in migrations[store]["files"] if name not in missing]
        migrations[store] = {**migrations[store], "files": files}
    return {**manifest, "migrations": migrations}
