"""The variables of backups: where sets go, how long they are kept, when they are made and how old they may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.variable_types import Limits, Section


class Keep(Section):
    """How many proven sets stay: so many newest ones, and the newest of so many days, weeks and months."""

    last: Annotated[int, Field(ge=1)]
    daily: Annotated[int, Field(ge=0)]
    weekly: Annotated[int, Field(ge=0)]
    monthly: Annotated[int, Field(ge=0)]


class Backup(Limits):
    """Backups of the bundled stores; `memory` and `cpus` bound each container that a backup or drill starts."""

    enabled: bool
    repository: Annotated[str, StringConstraints(pattern=r"^(|(/|sftp:|s3:)[^\s]+)$")]
    keep: Keep
    schedule: Annotated[str, StringConstraints(pattern=r"^(|([01][0-9]|2[0-3]):[0-5][0-9])$")]
    drill_every_days: Annotated[int, Field(ge=0)]
    max_age_hours: Annotated[float, Field(gt=0)]
    max_drill_age_days: Annotated[float, Field(gt=0)]

    def address(self, project: str) -> str:
        """Return where sets go: `repository`, or the folder that an empty one stands for."""
        return self.repository or f"/var/backups/{project}"
