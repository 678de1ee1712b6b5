"""The verification as the gate of a rollout."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.errors import HostFailure
from gateway.plan.operations import Run
from gateway.rollout import Gate
from gateway.verify import verify_hosts


def verification_gate(run: Run) -> Gate:
    """Return the gate that checks the named hosts over the connections that are already open.

    What happened on them before now does not count against the release.
    """
    began = time.monotonic()

    def gate(names: Sequence[str]) -> list[HostFailure]:
        report = verify_hosts(run.inventory, run.vault, run.conversations, names, deploying=time.monotonic() - began)
        run.reporter.verified(report.to_dict())
        run.reporter.line("", f"  {report.passed} of {report.total} checks hold ({report.seconds:.1f} s)")
        return [HostFailure(cause.host, "verify", cause.message) for cause in report.causes()]

    return gate
