"""What the agent reports when a step cannot be done."""

from __future__ import annotations


def as_failure(step: str, error: Exception) -> StepFailed:
    """Return an error as a StepFailed: itself, or the sentence that an error of the system or a defect deserves."""
    return error if isinstance(error, StepFailed) else StepFailed(step, f"{type(error).__name__}: {error}")


class StepFailed(Exception):
    """A step on this host failed.

    `step` names it, `message` is one sentence, `kind` tells the controller which error to raise
    (`configuration`, `locked`, `failed`), `logs` holds the last lines of whatever failed,
    `environment` is the other one of this host that stands in the way, if one does.
    """

    def __init__(
        self,
        step: str,
        message: str,
        *,
        kind: str = "failed",
        logs: list[str] | None = None,
        environment: str = "",
    ) -> None:
        super().__init__(message)
        self.step = step
        self.message = message
        self.kind = kind
        self.logs = logs or []
        self.environment = environment

    def as_dict(self) -> dict[str, object]:
        """Return the failure as it travels to the controller."""
        shown: dict[str, object] = {"step": self.step, "message": self.message, "kind": self.kind, "logs": self.logs}
        return {**shown, "environment": self.environment} if self.environment else shown
