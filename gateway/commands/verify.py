"""`invoke verify`: every check on every host, over one connection each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.commands.project import Project
from gateway.console import say, table
from gateway.errors import VerificationError
from gateway.private_file import need_writable
from gateway.transport.fleet import connected, need_all
from gateway.verify import verify_hosts


def verify(project: Project, junit: Path | None, as_json: bool) -> dict[str, Any]:
    """Run the checks of the selected hosts and print what does not hold. Returns the report as data.

    Raises ConfigurationError, before anything is asked, when `junit` cannot be written; VerificationError
    when any check fails, after the report was printed; UnreachableError when a host cannot be asked.
    """
    inventory = project.inventory
    if junit is not None:
        need_writable(junit)
    with connected(inventory, need_all) as conversations:
        report = verify_hosts(inventory, project.vault, conversations, inventory.selected, junit)
    if not as_json:
        for note in report.notes:
            say(note, "yellow")
    if not report.ok:
        causes = report.causes()
        if not as_json:
            table("", ["check", "found"], [[cause.check, cause.message] for cause in causes])
        raise VerificationError(
            f"{len(report.failures)} of {report.total} checks do not hold, for {len(causes)} causes",
            report=report.to_dict(),
            next_step=f"invoke plan --env {inventory.environment} shows what a deploy would put right",
        )
    if not as_json:
        hosts = ", ".join(f"{name} {count}" for name, count in report.hosts.items())
        say(f"{report.passed} checks hold ({hosts}) in {report.seconds:.1f} s", "green")
    return report.to_dict()
