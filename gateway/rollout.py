"""Carrying a plan out: all hosts end on the new release, or all that were switched go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from gateway.errors import (
    ConfigurationError,
    GatewayError,
    HostFailure,
    InDoubtError,
    LockedError,
    RolledBackError,
    RolloutError,
)
from gateway.plan.build import Phase, Plan
from gateway.plan.operations import Operation, Run, SwitchRelease, switch
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import on_all

Gate = Callable[[Sequence[str]], list[HostFailure]]


class WaveFailed(Exception):
    """A wave of operations, or the verification after the last one, failed on these hosts."""

    def __init__(self, failures: list[HostFailure]) -> None:
        super().__init__("; ".join(f"{failure.host}: {failure.cause}" for failure in failures))
        self.failures = failures


def take_leases(run: Run, owner: str, command: str) -> None:
    """Take the lease of every host, in one order for everybody, or raise LockedError.

    Asking one host after the other, sorted, means that of two commands started together one gets
    all hosts: there is no order in which each could hold what the other waits for. A host that only
    finishes what a killed controller began is waited for.
    """
    for host in sorted(run.conversations):
        deploy = run.inventory.hosts[host].variables.deploy
        deadline = time.monotonic() + deploy.health_timeout
        while True:
            try:
                run.conversations[host].request("lease", owner=owner, command=command, seconds=deploy.lease_seconds)
                break
            except AgentError as error:
                if error.kind not in ("locked", "orphaned"):
                    raise
                if error.kind == "locked" or time.monotonic() > deadline:
                    raise LockedError(
                        error.message, where=f"{host}: lease", unaffected="every host: nothing was changed",
                        next_step=f"wait until it is done; look: invoke unlock --env {run.inventory.environment}",
                    ) from None  # fmt: skip
                run.reporter.line(host, f"waiting: {error.message}")
                time.sleep(1)
        run.conversations[host].keep_lease(deploy.lease_seconds / 3)


def prepare(plan: Plan, run: Run) -> None:
    """Do the phases that touch nothing that runs. Raises ConfigurationError or RolledBackError."""
    for phase in plan.preparing:
        try:
            _run_phase(phase, run, [])
        except WaveFailed as error:
            unaffected = "no host was switched: all run what they ran before"
            if phase.title == "prepare":
                message = "\n".join(f"{failure.host}: {failure.step}: {failure.cause}" for failure in error.failures)
                raise ConfigurationError(
                    message, unaffected=unaffected, next_step="mend it, then deploy again"
                ) from None
            raise RolledBackError(
                f"the deploy stopped at `{phase.title}`", error.failures,
                unaffected=unaffected, next_step="mend the cause above, then deploy again",
            ) from None  # fmt: skip


def touch(plan: Plan, run: Run, previous: Mapping[str, str | None], gate: Gate) -> None:
    """Switch the hosts, then ask `gate` (the verification) about all of them; undo everything if either fails.

    `previous` is the release that each host runs now. Raises RolledBackError when all hosts are on
    it again and pass the gate, InDoubtError when one does not.
    """
    switched: list[str] = []
    try:
        for phase in plan.touching:
            _run_phase(phase, run, switched)
        with run.reporter.step("", "verify the new release"):
            failures = gate(list(previous))
        if failures:
            raise WaveFailed(failures)
    except WaveFailed as error:
        raise _undone(run, error.failures, switched, previous, gate) from None
    except KeyboardInterrupt:
        stop = HostFailure("(all)", "interrupted", "stopped by Ctrl-C")
        raise _undone(run, [stop], switched, previous, gate) from None


def _run_phase(phase: Phase, run: Run, switched: list[str]) -> None:
    """Run a phase wave by wave; hosts whose switch succeeded are added to `switched`."""
    for wave in phase.waves:
        by_host = {operation.host: operation for operation in wave}

        def apply(name: str, operations: dict[str, Operation] = by_host) -> None:
            with run.reporter.step(name, operations[name].describe()):
                operations[name].apply(run)

        done, failed = on_all(list(by_host), apply)
        switched += [name for name in done if isinstance(by_host[name], SwitchRelease)]
        if failed:
            raise WaveFailed([_failure(name, phase.title, error) for name, error in failed.items()])


def _failure(host: str, step: str, error: Exception) -> HostFailure:
    """Return the row for an operation's failure; a connection lost inside a switch leaves the host in doubt."""
    if isinstance(error, AgentError):
        return HostFailure(host, error.step, error.message, error.logs, in_doubt=error.kind == "doubt")
    if isinstance(error, GatewayError):
        return HostFailure(host, step, error.message, in_doubt=step == "switch")
    raise error


def _undone(
    run: Run, failures: list[HostFailure], switched: list[str], previous: Mapping[str, str | None], gate: Gate
) -> RolloutError:
    """Bring the switched hosts back, newest first, check them, and return the error that says how it ended."""
    for host in reversed(switched):
        old = previous[host]
        try:
            with run.reporter.step(host, f"go back to {old or 'nothing'}"):
                if old is None:
                    run.ask(host, "retire", project=f"helicone-{run.inventory.environment}")
                else:
                    switch(run, host, old, settle_seconds=0)
        except (AgentError, GatewayError) as error:
            failures.append(_failure(host, "switch", error))
            failures[-1].in_doubt = True
    certain = [
        host for host, old in previous.items() if old and not any(f.host == host and f.in_doubt for f in failures)
    ]
    if certain:
        with run.reporter.step("", "verify the old release"):
            for failure in gate(certain):
                failure.in_doubt = True
                failures.append(failure)
    environment = run.inventory.environment
    doubtful = sorted({failure.host for failure in failures if failure.in_doubt})
    if doubtful:
        return InDoubtError(
            f"the deploy failed, and {', '.join(doubtful)} is not known to be well on the old release", failures,
            next_step=f"invoke status --env {environment}; a deploy of a good release settles it",
        )  # fmt: skip
    back = ", ".join(sorted({old or "nothing (this was the first deploy)" for old in previous.values()}))
    return RolledBackError(
        "the deploy failed and was undone", failures, unaffected=f"every host runs {back} again, verified",
        next_step=f"mend the cause above, then: invoke deploy --env {environment}",
    )  # fmt: skip
