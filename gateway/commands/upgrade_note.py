"""An upgrade that was cut off: what the data host has noted of it, and how it is settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import ConfigurationError, GatewayError
from gateway.plan.observed import upgrade_under_way
from gateway.plan.operations import Run
from gateway.render.topology import migrator
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import on_all

Observed = Mapping[str, Mapping[str, Any]]


def cut_off(observed: Observed) -> Mapping[str, Any] | None:
    """Return what a host noted of an upgrade that nobody finished: its `set`, and what was `applied` since."""
    notes = (seen["backups"]["upgrade"] for seen in observed.values())
    return next((note for note in notes if note), None)


def half_done(observed: Observed, harmless: Sequence[str]) -> list[str]:
    """Return the migrations that have run ahead of the release that their host goes back to, and that it may mind."""
    for seen in observed.values():
        note = upgrade_under_way(seen)
        if note:
            return [name for name in note["applied"] if name not in harmless]
    return []


def refuse_half_upgraded(
    observed: Observed, harmless: Sequence[str], wanted: Mapping[str, Mapping[str, Any]], environment: str
) -> None:
    """Raise ConfigurationError when stores are half migrated and the manifests `wanted` do not go on with it."""
    note, applied = cut_off(observed), half_done(observed, harmless)
    known = {
        name
        for manifest in wanted.values() if manifest["migrations"]
        for store in ("postgres", "clickhouse")
        for name in manifest["migrations"][store]["files"]
    }  # fmt: skip
    if note and applied and not known.issuperset(applied):
        raise ConfigurationError(
            f"an upgrade was cut off when {len(applied)} of its migrations had been applied ({applied[0]}), and this"
            " release does not know them",
            where="migrations", unaffected="every host: nothing was changed",
            next_step=f"invoke restore --env {environment} --from {note['set']} brings back the data of before; or"
            " deploy the newer version again",
        )  # fmt: skip


def settle_note(run: Run) -> int:
    """Have records delivered again that may be gone from the stores, and strike the note out; return how many.

    The recorders look for each before they send it. What goes wrong is told, and the note stays as long as a
    recorder was not told, or not asked because of --limit: the next deploy of all hosts settles it.
    """
    answers = tell_recorders(run, "again")
    edges = [name for name, host in run.inventory.hosts.items() if "edge" in host.roles]
    if set(answers) == set(edges):
        end(run)
    return sum(answer.get("again", 0) for answer in answers.values())


def tell_recorders(run: Run, word: str) -> dict[str, Mapping[str, Any]]:
    """Tell all recorders what becomes of what Helicone has, and return their answers by host.

    Failures are told, and what a recorder had no room to keep.
    """
    answers, failures = ask_recorders(run, word)
    for name, error in failures.items():
        run.reporter.line(name, f"the recorder was not told `{word}`: {error}", "red")
    for name, answer in answers.items():
        if answer.get("left_out"):
            run.reporter.line(
                name, f"{answer['left_out']} records that were delivered since the backup found no room to be kept:"
                " a restore since then has lost them", "red",
            )  # fmt: skip
    return answers


def ask_recorders(run: Run, word: str) -> tuple[dict[str, Mapping[str, Any]], dict[str, Exception]]:
    """Tell all recorders at once; return what each answered, and what went wrong, by host."""
    hosts = [name for name in run.conversations if "edge" in run.inventory.hosts[name].roles]
    return on_all(hosts, lambda name: run.ask(name, "tell_recorder", project=run.inventory.project, word=word))


def end(run: Run) -> None:
    """Strike the note out on the data host."""
    host = migrator(run.inventory)
    try:
        run.ask(host, "end_upgrade")
    except (AgentError, GatewayError) as error:
        run.reporter.line(host, f"the note of the upgrade stays: {error}", "red")
