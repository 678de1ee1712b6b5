"""`--report FILE` of `deploy` and `rollback`: how it ended, when what was done, what changed, what was checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.commands.failure import described
from gateway.commands.project import Project, owner
from gateway.commands.show_plan import diff_lines
from gateway.commands.support_bundle import redactor
from gateway.console import Step
from gateway.errors import ConfigurationError
from gateway.report import write_page
from gateway.report.timeline import timeline
from gateway.verify.release_view import seen_release

TIME = "%Y-%m-%d %H:%M:%S %Z"
_FINE = {
    "deployed": "Release {release} runs on {hosts}, verified",
    "no changes": "Nothing was to be changed: {hosts} run release {release}",
    "not confirmed": "Nothing was changed: nobody said yes",
    "rolled back": "Release {release} runs on {hosts} again, verified",
}


@dataclass
class Told:
    """What a rollout has come to, noted while it goes on: also one that fails has a report."""

    outcome: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    previous: Mapping[str, str | None] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def planned(self, plan: Mapping[str, Any], observed: Mapping[str, Any]) -> None:
        """Note the plan, as data, what the hosts ran before, and which secrets their releases have."""
        self.plan = plan
        self.previous = {name: seen["current"] for name, seen in observed.items()}
        for seen in observed.values():
            if seen["manifest"]:
                self.secrets |= {secret.reveal() for secret in seen_release(seen).secrets}


@contextmanager
def reported(project: Project, command: str, path: Path | None) -> Iterator[Told]:
    """Yield what a command notes of itself, and at its end, a good or a bad one, write its report to `path`, if any.

    Whatever the command raises goes on. A report that cannot be written is told, and changes nothing else:
    what was done is done.
    """
    told, begun = Told(), datetime.now().astimezone()
    failure: BaseException | None = None
    try:
        yield told
    except BaseException as error:
        failure = error
        raise
    finally:
        if path is not None:
            _write(path, project, {"command": command, "begun": begun.strftime(TIME)}, told, failure)


def _write(path: Path, project: Project, facts: dict[str, str], told: Told, failure: BaseException | None) -> None:
    try:
        data = {**facts, **rollout_data(project, told, failure), "who": owner(), "when": _now()}
        environment, made_by = data["environment"], f"invoke {facts['command']} --env {data['environment']}"
        title = f"{facts['command'].capitalize()} of {environment}"
        page = {**data, "title": title, "made_by": made_by}
        write_page(path, "rollout.html.j2", page, redactor({*told.secrets, *own_secrets(project)}))
    except Exception as error:  # noqa: BLE001 - how the command ended stands, whatever is wrong with its report
        project.reporter.line("", f"the report could not be written: {error}", "red")
    else:
        project.reporter.line("", f"the report is in {path}")


def rollout_data(project: Project, told: Told, failure: BaseException | None) -> dict[str, Any]:
    """Return what the template shows of a rollout, secrets not yet taken out."""
    hosts = told.plan.get("hosts", {})
    error = described(failure) if failure else {}
    names = ", ".join(hosts) or ", ".join(project.inventory.selected)
    release = told.plan.get("release", "")
    return {
        "environment": project.inventory.environment, "release": release, "previous": told.previous,
        "sentence": error["error"] if error else _FINE[told.outcome].format(release=release, hosts=names),
        "mood": "bad" if error else "good" if told.outcome in ("deployed", "rolled back") else "",
        "unaffected": error.get("unaffected", ""), "next_step": error.get("next", ""),
        "seconds": f"{project.reporter.seconds():.0f}", "failures": error.get("failures", []),
        "timeline": timeline(project.reporter.steps),
        "changes": [_changes(name, host) for name, host in hosts.items()] if told.plan.get("changes") else None,
        "verifications": [
            {"title": _during(project.reporter.steps, found["at"]), "found": found}
            for found in project.reporter.verifications
        ],
    }  # fmt: skip


def _during(steps: Sequence[Step], at: float) -> str:
    """Return the step of the whole fleet that went on at a second: which release was verified."""
    texts = [step.text for step in steps if not step.host and step.started <= at <= step.started + step.seconds + 0.1]
    return texts[-1] if texts else "verify"


def own_secrets(project: Project) -> set[str]:
    """Return the values of the environment's secrets as far as they can be read; none are made for it."""
    try:
        return {secret.reveal() for secret in project.saved_vault().all_values}
    except ConfigurationError:
        return set()


def _changes(name: str, host: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name, "services": host["services"], "altered": host["altered"], "migrations": host["migrations"],
        "diffs": [diff_lines(path, text) for path, text in host["diffs"].items()],
        "nothing": not (host["services"] or host["altered"] or host["diffs"] or host["migrations"]),
    }  # fmt: skip


def _now() -> str:
    return datetime.now().astimezone().strftime(TIME)
