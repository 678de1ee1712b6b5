"""Every way a command can fail, with its exit code and what to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class GatewayError(Exception):
    """A failure that the operator can act on.

    `message` is one sentence of what happened. `where` is a file and line, or a host and step.
    `unaffected` says what is still as it was, `next_step` the command or edit to try next. Empty
    parts are left out when the error is shown. `report` is what the command found all the same, for --json.
    `usual_unaffected` and `usual_next_step` are what a kind of error says where nothing closer is known.
    """

    exit_code = 1
    usual_unaffected = ""
    usual_next_step = ""

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        unaffected: str = "",
        next_step: str = "",
        report: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.report = report
        self.message = message
        self.where = where
        self.unaffected = unaffected or self.usual_unaffected
        self.next_step = next_step or self.usual_next_step

    def __str__(self) -> str:
        """Return the error as the operator reads it, one part a line."""
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.unaffected:
            lines.append(f"  unaffected: {self.unaffected}")
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        return "\n".join(lines)


class ConfigurationError(GatewayError):
    """The inventory, the secrets or a host's state do not allow the command; nothing that runs was changed."""

    exit_code = 2
    usual_unaffected = "nothing that runs was changed"
    usual_next_step = "put that right, then type the command again"


class UnreachableError(GatewayError):
    """A host could not be reached or refused the login; nothing was changed on it."""

    exit_code = 3


class LockedError(GatewayError):
    """Another command holds the lease of a host."""

    exit_code = 4


@dataclass
class HostFailure:
    """Where and why a rollout stopped on a host, with the last lines of whatever failed there."""

    host: str
    step: str
    cause: str
    logs: list[str] = field(default_factory=list)
    in_doubt: bool = False


class RolloutError(GatewayError):
    """A rollout did not reach its end; `failures` has a row for each host that stopped it."""

    def __init__(
        self, message: str, failures: Sequence[HostFailure], *, unaffected: str = "", next_step: str = ""
    ) -> None:
        super().__init__(message, unaffected=unaffected, next_step=next_step)
        self.failures = tuple(failures)


class RolledBackError(RolloutError):
    """A deploy failed and every host that it had switched is verified on its old release again."""

    exit_code = 5


class BackupError(GatewayError):
    """A backup could not be made; the proven sets of before are as they were."""

    exit_code = 5


class InDoubtError(RolloutError):
    """A deploy failed and at least one host could not be brought back to a known release."""

    exit_code = 6


class VerificationError(GatewayError):
    """What was found on the hosts is not what the release says."""

    exit_code = 7
