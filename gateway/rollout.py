"""Carrying a plan out: all hosts end on the new release, or all that were switched go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
from gateway.plan.operations import GuardHost, Operation, Run, SwitchRelease, guard, switch
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import on_all

Gate = Callable[[Sequence[str]], list[HostFailure]]
AfterUndo = Callable[[], str]


class WaveFailed(Exception):
    """A wave of operations failed on these hosts."""

    def __init__(self, failures: list[HostFailure]) -> None:
        super().__init__("; ".join(f"{failure.host}: {failure.cause}" for failure in failures))
        self.failures = failures


@dataclass
class Progress:
    """What a rollout has done so far: written down by every operation itself, so that Ctrl-C loses none of it."""

    guarded: list[str] = field(default_factory=list)
    switched: list[str] = field(default_factory=list)
    failures: list[HostFailure] = field(default_factory=list)
    running: set[str] = field(default_factory=set)


def take_leases(run: Run, owner: str, command: str) -> None:
    """Take the lease of every host, in one order for everybody, or raise LockedError.

    Asking one host after the other, sorted, means that of two commands started together one gets all
    hosts: there is no order in which each could hold what the other waits for. Sorted are addresses,
    since another environment may call the same hosts otherwise. A host that only finishes what a killed
    controller began is waited for.
    """
    hosts = run.inventory.hosts
    for host in sorted(run.conversations, key=lambda name: (hosts[name].address.lower() or name, name)):
        deploy = hosts[host].variables.deploy
        deadline = time.monotonic() + deploy.health_timeout
        while True:
            try:
                run.conversations[host].request("lease", owner=owner, command=command, seconds=deploy.lease_seconds)
                break
            except AgentError as error:
                if error.kind not in ("locked", "orphaned"):
                    raise
                whose = error.environment or run.inventory.environment
                if error.kind == "locked" or time.monotonic() > deadline:
                    raise LockedError(
                        error.message, where=f"{host}: lease", unaffected="every host: nothing was changed",
                        next_step=f"wait until it is done; look: invoke unlock --env {whose}",
                    ) from None  # fmt: skip
                run.reporter.line(host, f"waiting: {error.message}")
                time.sleep(1)
        run.conversations[host].keep_lease(deploy.lease_seconds / 3)


def prepare(plan: Plan, run: Run) -> None:
    """Do the phases that touch nothing that runs. Raises ConfigurationError or RolledBackError."""
    for phase in plan.preparing:
        try:
            _run_phase(phase, run, Progress())
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


def touch(
    plan: Plan, run: Run, previous: Mapping[str, str | None], gate: Gate, after_undo: AfterUndo | None = None
) -> None:
    """Switch the hosts, then ask `gate` (the verification) about all of them; undo everything if either fails.

    `previous` is the release that each host runs now. `after_undo` is called when all hosts are back on
    it, before it is verified; what it returns, or the InDoubtError that it raises, is told. Ctrl-C lets
    the hosts at work finish and undoes everything; a second one stops waiting. Raises RolledBackError
    when all hosts are on the old release again and pass the gate, InDoubtError when one does not, or was
    not waited for.
    """
    progress = Progress()
    try:
        for phase in plan.touching:
            _run_phase(phase, run, progress)
        with run.reporter.step("", "verify the new release"):
            progress.failures += gate(list(previous))
    except WaveFailed:
        pass  # its failures are in `progress`
    except KeyboardInterrupt:
        progress.failures.append(HostFailure("(all)", "interrupted", "stopped by Ctrl-C"))
    except Exception as error:  # noqa: BLE001 - whatever went wrong in the verification, the hosts go back
        progress.failures.append(_failure("(all)", "verify", error))
    if not progress.failures:
        return
    try:
        if progress.running:
            outcome: RolloutError = _abandoned(run, progress, previous)
        else:
            outcome = _undone(run, progress, previous, gate, after_undo)
    except KeyboardInterrupt:
        outcome = _abandoned(run, progress, previous)
    raise outcome from None


def _run_phase(phase: Phase, run: Run, progress: Progress) -> None:
    """Run a phase wave by wave, keeping in `progress` what each host did. Raises WaveFailed."""
    for wave in phase.waves:
        by_host = {operation.host: operation for operation in wave}

        def apply(name: str, operations: dict[str, Operation] = by_host) -> None:
            """Do the wave's operation on one host and note how far it came."""
            progress.running.add(name)
            if isinstance(operations[name], GuardHost):
                progress.guarded.append(name)  # also when it fails: what it left is put right
            try:
                with run.reporter.step(name, operations[name].describe()):
                    operations[name].apply(run)
                if isinstance(operations[name], SwitchRelease):
                    progress.switched.append(name)
            except Exception as error:  # noqa: BLE001 - a defect on one host must send the others back, too
                progress.failures.append(_failure(name, phase.title, error))
            finally:
                progress.running.discard(name)

        on_all(list(by_host), apply)
        if progress.failures:
            progress.failures.sort(key=lambda failure: failure.host)
            raise WaveFailed(progress.failures)


def _failure(host: str, step: str, error: Exception) -> HostFailure:
    """Return the row for an operation's failure; a connection lost inside a switch leaves the host in doubt."""
    if isinstance(error, AgentError):
        in_doubt = step == "switch" and error.kind == "doubt"
        return HostFailure(host, error.step, error.message, error.logs, in_doubt=in_doubt)
    cause = error.message if isinstance(error, GatewayError) else f"{type(error).__name__}: {error}"
    return HostFailure(host, step, cause, in_doubt=step == "switch")


def _undone(
    run: Run, progress: Progress, previous: Mapping[str, str | None], gate: Gate, after_undo: AfterUndo | None
) -> RolloutError:
    """Bring the switched hosts back, newest first, check them, and return the error that says how it ended."""
    failures = progress.failures
    for host in progress.guarded:
        try:
            with run.reporter.step(host, f"go back to the guards of {previous[host] or 'nothing'}"):
                guard(run, host, previous[host])
        except Exception as error:  # noqa: BLE001 - the other hosts go back all the same
            failures.append(_failure(host, "guard", error))
            failures[-1].in_doubt = True
    for host in reversed(progress.switched.copy()):
        old = previous[host]
        try:
            with run.reporter.step(host, f"go back to {old or 'nothing'}"):
                if old is None:
                    run.ask(host, "retire", project=run.inventory.project)
                else:
                    switch(run, host, old, settle_seconds=0, without=run.undo_without)
        except Exception as error:  # noqa: BLE001 - the other hosts go back all the same
            failures.append(_failure(host, "switch", error))
            failures[-1].in_doubt = True
        progress.switched.remove(host)
    note, settle = _tidied(after_undo, failures)
    certain = (
        []
        if settle
        else [
            host for host, old in previous.items() if old and not any(f.host == host and f.in_doubt for f in failures)
        ]
    )
    if certain:
        with run.reporter.step("", "verify the old release"):
            failures += _still_wrong(certain, gate)
    doubtful = sorted({failure.host for failure in failures if failure.in_doubt})
    if doubtful:
        return _in_doubt(run, "the deploy failed", doubtful, failures, note, settle)
    back = ", ".join(sorted({old or "nothing (this was the first deploy)" for old in previous.values()}))
    return RolledBackError(
        "the deploy failed and was undone", failures,
        unaffected="; ".join(filter(None, [f"every host runs {back} again, verified", note])),
        next_step=f"mend the cause above, then: invoke deploy --env {run.inventory.environment}",
    )  # fmt: skip


def _tidied(after_undo: AfterUndo | None, failures: list[HostFailure]) -> tuple[str, str]:
    """Do what is to be done when the hosts are back, and return its sentence; a failure of it is told, too.

    When it leaves a doubt, the second thing returned is what to type.
    """
    try:
        return (after_undo() if after_undo else ""), ""
    except InDoubtError as error:
        failures.extend(error.failures)
        return error.message, error.next_step
    except Exception as error:  # noqa: BLE001 - the old release is to be verified all the same
        failures.append(_failure("(all)", "after the undo", error))
        return "what the migrations left behind is not known", ""


def _still_wrong(hosts: list[str], gate: Gate) -> list[HostFailure]:
    """Return what the gate finds on hosts that are back on the old release, all of it in doubt."""
    try:
        failures = gate(hosts)
    except Exception as error:  # noqa: BLE001 - a host that cannot be verified is in doubt
        failures = [_failure(host, "verify", error) for host in hosts]
    for failure in failures:
        failure.in_doubt = True
    return failures


def _abandoned(run: Run, progress: Progress, previous: Mapping[str, str | None]) -> InDoubtError:
    """Return the error for hosts that a second Ctrl-C left at work, on the new release, or not verified."""
    hosts = sorted({*progress.running, *progress.switched} or previous)
    failures = [*progress.failures, *(
        HostFailure(host, "interrupted", "not waited for; it finishes or undoes by itself", in_doubt=True)
        for host in hosts
    )]  # fmt: skip
    return _in_doubt(run, "the deploy was interrupted while it was being undone", hosts, failures)


def _in_doubt(
    run: Run, what: str, hosts: Sequence[str], failures: Sequence[HostFailure], note: str = "", settle: str = ""
) -> InDoubtError:
    return InDoubtError(
        f"{what}, and {', '.join(hosts)} is not known to be well on the old release", failures, unaffected=note,
        next_step=settle
        or f"invoke status --env {run.inventory.environment}; a deploy of a good release settles it",
    )  # fmt: skip
