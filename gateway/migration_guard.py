"""What stands between an upgrade's migrations and the data, before any host is touched and after a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import ConfigurationError
from gateway.migrations import compatible, counted
from gateway.plan.build import Plan
from gateway.plan.operations import Run
from gateway.rollout import AfterUndo
from gateway.transport.conversation import AgentError


def guard_migrations(plan: Plan, run: Run, wanted: Mapping[str, Mapping[str, Any]]) -> AfterUndo:
    """Note what the ledgers lack of the release with the manifests `wanted`; return what is to be done after an undo.

    Called with every lease held, before the first host is touched: what must exist before a migration
    runs (a proven backup) is made here. The function that is returned is called when all hosts are back
    on the old release and before that is verified: what a failed migration left behind is put right
    there. It returns a sentence for the report, empty if nothing was applied that an older Helicone
    minds. There are no migrations that lead back. Raises ConfigurationError when the stores cannot be
    asked: what cannot be looked at cannot be brought back either.
    """
    harmless = compatible(run.inventory)
    before = {}
    for host in (host for host, planned in plan.hosts.items() if planned.upgrades):
        try:
            before[host] = _missing(run, host, wanted)
        except AgentError as error:
            raise ConfigurationError(
                f"migrations are to run, and the stores cannot be asked what they have: {error.message}",
                where=f"{host}: {error.step}", unaffected="no host was switched: all run what they ran before",
                next_step="bring the stores back first, by a deploy of the version that ran; then upgrade",
            ) from None  # fmt: skip

    def after_undo() -> str:
        """Ask the ledgers again."""
        sentences = []
        for host, missing in before.items():
            now = _missing(run, host, wanted)
            applied = {
                store: [name for name in names if name not in now[store] and name not in harmless]
                for store, names in missing.items()
            }
            applied = {store: names for store, names in applied.items() if names}
            if applied:
                names = [name for files in applied.values() for name in files]
                shown = ", ".join([*names[:3], *([f"{len(names) - 3} more"] if len(names) > 3 else [])])
                sentences.append(
                    f"{counted(applied)} migrations were applied and stay ({shown}):"
                    f" the schema is newer than the release that serves"
                )
        return "; ".join(sentences)

    return after_undo


def _missing(run: Run, host: str, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return by store which migrations of the wanted release the ledgers lack."""
    passwords = run.store_passwords()
    found: dict[str, list[str]] = run.ask(
        host, "missing_migrations", project=run.inventory.project, migrations=wanted[host]["migrations"],
        secrets=passwords,
    )  # fmt: skip
    return found
