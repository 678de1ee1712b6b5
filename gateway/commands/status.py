"""`invoke status`, `history` and `unlock`: what hosts say of themselves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.commands.backup import state_in_words
from gateway.commands.fleet_state import observe
from gateway.commands.secret_ages import ages_of, show_ages
from gateway.console import say, table
from gateway.errors import UnreachableError
from gateway.inventory import Inventory
from gateway.plan.history import outcomes
from gateway.plan.observed import altered_files, guard_changes, service_changes
from gateway.runbooks import about
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import connected, on_all
from gateway.verify import outside
from gateway.verify.doors import door_of
from gateway.verify.release_view import seen_release

if TYPE_CHECKING:
    from gateway.commands.fleet_report import FleetReport

# What the recorder counts, for ever, of requests that Helicone will not show.
_LOSSES = {
    "dropped_total": "dropped because the spool was full",
    "gaps_total": "passed without a record",
    "refused_total": "refused by Helicone",
}


def status(inventory: Inventory, as_json: bool, report: FleetReport | None = None) -> dict[str, Any]:
    """Print hosts, releases, services and health in one table, unreachable hosts too; return it as data.

    With a `report` more is asked, and all of it written there. Raises UnreachableError, after the table and
    the report, when a host did not answer.
    """
    unreachable: dict[str, Exception] = {}
    with connected(inventory, unreachable.update) as conversations:
        observed = observe(inventory, conversations, on_failure=unreachable.update)
        if report:
            report.ask(conversations, observed)
    certificates = _certificate_days(inventory, observed)
    hosts = {
        name: {"state": "unreachable", "cause": str(unreachable[name])}
        if name in unreachable
        else {**host_status(observed[name]), "certificate_days": certificates.get(name)}
        for name in inventory.selected
    }
    secrets = ages_of(inventory)
    pages = about(text for host in hosts.values() for text in (host["state"], host.get("cause", "")))
    result = {"environment": inventory.environment, "hosts": hosts, "secrets": secrets, "runbooks": pages}
    if not as_json:
        _print(inventory, hosts)
        show_ages(inventory.environment, secrets)
        if pages and not unreachable:  # the error names them
            say(f"runbook: {', '.join(pages)}", "yellow")
    if report:
        report.write(result, as_json)
    return _of_all(inventory, unreachable, result)


def _of_all(inventory: Inventory, unreachable: Mapping[str, Exception], result: dict[str, Any]) -> dict[str, Any]:
    """Return a result about all selected hosts. Raises UnreachableError, with it, when some did not answer."""
    if unreachable:
        raise UnreachableError(
            f"{len(unreachable)} of {len(inventory.selected)} hosts did not answer",
            where=", ".join(sorted(unreachable)),
            next_step="each host's cause and next step are printed with the table",
            report=result,
        )
    return result


def host_status(seen: Mapping[str, Any]) -> dict[str, Any]:
    """Return one host's state in a word, its release and its services, from a snapshot."""
    manifest, release = seen["manifest"], seen["current"]
    changes = service_changes(manifest, seen) if manifest else []
    altered = altered_files(seen) if manifest else []
    altered += [f"deploy to {words}" for words in guard_changes(manifest, seen)] if manifest else []
    outcome = outcomes(seen["history"]).get(release, "")
    services = {c["service"]: c["health"] or c["state"] for c in seen["containers"]}
    services |= {change.service: "missing" for change in changes if change.action == "create"}
    if seen["interrupted"]:
        entry = seen["interrupted"]
        before, after = entry["previous"] or "nothing", entry["release"] or "nothing"
        state = f"interrupted: was switching from {before} to {after}; deploy again"
    elif seen["lease"]:
        state = f"busy: {seen['lease']['command']} is at work"
    elif release is None:
        state = "no release"
    elif changes or altered:
        state = "drifted: " + ", ".join([f"{c.service} ({c.reason})" for c in changes] + altered)
    elif outcome != "good":
        state = "running, but its deploy was cut off before the verification; deploy again"
    else:
        state = "ok"
    return {
        "state": state, "release": release, "services": services, "lease": seen["lease"],
        "engine": seen["facts"]["engine"], "disk_free": seen["facts"]["disk_free"]["releases"],
        "backups": seen["backups"],
        "recorder": (seen["edge"] or {}).get("recorder"), "keys_age": (seen["edge"] or {}).get("keys_age"),
    }  # fmt: skip


def _certificate_days(inventory: Inventory, observed: Mapping[str, Any]) -> dict[str, float | None]:
    """Return for each edge with TLS how many days its certificate lasts, None where it shows none that is valid."""

    def days(name: str) -> float | None:
        """Ask one edge."""
        seen = observed[name]
        door = door_of(inventory.hosts[name], seen_release(seen), seen["edge"]["authority"])
        expires = outside.send(f"{door.gateway}/healthz", trust=door.trust).expires if door else 0
        return round((expires - time.time()) / 86400, 2) if expires else None

    encrypted = [
        name
        for name, seen in observed.items()
        if seen["manifest"] and (seen["manifest"].get("entrance") or {"tls": "off"})["tls"] != "off"
    ]
    return dict(on_all(encrypted, days)[0])


def _print(inventory: Inventory, hosts: Mapping[str, Any]) -> None:
    rows = []
    for name, host in hosts.items():
        address = inventory.hosts[name].address
        if host["state"] == "unreachable":
            rows.append([name, address, "", "", "unreachable"])
            continue
        services = ", ".join(f"{service} {health}" for service, health in sorted(host["services"].items()))
        rows.append([name, address, host["release"] or "-", services or "-", host["state"]])
    table("", ["host", "address", "release", "services", "state"], rows)
    answered = {name: host for name, host in hosts.items() if host["state"] != "unreachable"}
    for name, host in answered.items():
        if host["recorder"]:
            words = [recording_in_words(host["recorder"]), certificate_in_words(host["certificate_days"])]
            say(f"{name}: {'; '.join(filter(None, words))}")
    for name, host in answered.items():
        for line in state_in_words(host["backups"], docker_runs=bool(host["engine"])):
            say(f"{name}: {line}", "red" if "fail" in line or "do not run" in line else "")
    for name, host in hosts.items():
        if host["state"] == "unreachable":
            say(host["cause"], "red")
        elif host["lease"]:
            lease = host["lease"]
            say(f"{name}: {lease['owner']} is running `{lease['command']}` since {lease['since']}", "yellow")


def recording_in_words(recorder: Mapping[str, Any]) -> str:
    """Return in words how far the recorder is."""
    waiting, age = recorder["waiting"], recorder["oldest_seconds"] or 0
    room = f"{recorder['waiting_bytes'] >> 20} of {recorder['spool_limit'] >> 20} MB"
    words = (
        f"{waiting} records wait for Helicone ({room}), the oldest for {age:.0f} s,"
        f" {recorder['delivered_per_second']:.0f} delivered a second"
        if waiting
        else "every record is in Helicone"
    )
    # A recorder of a release before the mirror says nothing of it.
    taken, bound = recorder.get("mirror_bytes", 0) >> 20, recorder.get("mirror_limit", 0) >> 20
    memory = [f"{taken} of {bound} MB are taken by what was not taken down yet"] if taken else []
    lost = [f"{recorder[key]} {what}" for key, what in _LOSSES.items() if recorder[key]]
    return ", ".join([words, *memory, *lost])


def certificate_in_words(days: float | None) -> str:
    """Return in words how long a certificate lasts, nothing for an edge without one."""
    return "" if days is None else f"certificate valid for {days:.1f} days"


def history(inventory: Inventory, as_json: bool) -> dict[str, Any]:
    """Print what was deployed when, by whom and how it ended, merged over the hosts; return it as data.

    Raises UnreachableError, after the table, when a host did not answer.
    """
    unreachable: dict[str, Exception] = {}
    with connected(inventory, unreachable.update) as conversations:
        observed = observe(inventory, conversations, on_failure=unreachable.update)
    merged: dict[tuple[str, str, str, float], dict[str, Any]] = {}
    for name, seen in observed.items():
        for entry in seen["history"]:
            key = (entry["release"], entry["command"], entry["outcome"], entry["seconds"])
            merged.setdefault(key, {**entry, "hosts": []})["hosts"].append(name)
    entries = sorted(merged.values(), key=lambda entry: entry["time"])
    if not as_json:
        columns = ["release", "command", "outcome", "when", "seconds", "by", "hosts", "cause"]
        rows = [_history_row(entry) for entry in entries]
        table(f"history of {inventory.environment}", columns, rows)
        for error in unreachable.values():
            say(str(error), "red")
    result = {"environment": inventory.environment, "history": entries, "unreachable": sorted(unreachable)}
    return _of_all(inventory, unreachable, result)


def _history_row(entry: Mapping[str, Any]) -> list[str]:
    when = datetime.fromtimestamp(entry["time"], UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return [
        entry["release"], entry["command"], entry["outcome"], when, f"{entry['seconds']:.0f}",
        entry["owner"], ", ".join(entry["hosts"]), entry["cause"][:120],
    ]  # fmt: skip


def unlock(inventory: Inventory, force: bool, as_json: bool) -> dict[str, Any]:
    """Show who holds each host; with `force`, break the leases whose connection is stalled. Returns it as data.

    A host that is being changed right now is never unlocked: its lease ends with the work. Raises UnreachableError,
    after the table, when a host did not answer: nobody knows whether it is locked.
    """
    unreachable: dict[str, Exception] = {}
    with connected(inventory, unreachable.update) as conversations:
        observed = observe(inventory, conversations, on_failure=unreachable.update)
        held = {name: seen["lease"] for name, seen in observed.items() if seen["lease"]}
        refused = {}
        for name in held if force else ():
            try:
                conversations[name].request("unlock")
            except AgentError as error:
                refused[name] = error.message
    if not as_json:
        rows = [
            [name, lease["owner"], lease["command"], lease["since"], f"{lease['seconds']} s", _lease_state(lease)]
            for name, lease in held.items()
        ]
        if rows:
            table("", ["host", "held by", "command", "since", "for", "state"], rows)
        elif observed:
            say("no host that answered is locked" if unreachable else "no host is locked", "green")
        for name, message in refused.items():
            say(f"{name}: not unlocked: {message}", "red")
        for lost in unreachable.values():
            say(str(lost), "red")
        if rows and not force:
            say("a lease frees itself when its command ends or its connection is gone; --force breaks a stalled one")
    result = {
        "environment": inventory.environment, "leases": held, "refused": refused, "unreachable": sorted(unreachable),
    }  # fmt: skip
    return _of_all(inventory, unreachable, result)


def _lease_state(lease: Mapping[str, Any]) -> str:
    if lease["orphaned"]:
        return "its controller is gone; the host finishes by itself"
    return "changing the host" if lease["working"] else "connected"
