"""What variables are made of: texts, numbers and the sections that they stand in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, StringConstraints(min_length=1)]
Memory = Annotated[str, StringConstraints(pattern=r"^[0-9]+[mg]$")]
Days = Annotated[int, Field(ge=0, le=36_500)]
Processors = Annotated[float, Field(gt=0)]
RoleName = Literal["data", "app", "edge"]
ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Network = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]
OffAsWritten = BeforeValidator(lambda value: "off" if value is False else value)  # YAML 1.1 reads a bare `off` as false


class Section(BaseModel):
    """A part of the variables: immutable, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Limits(Section):
    """What one service may use."""

    memory: Memory
    cpus: Processors


class Service(Limits):
    """One service's limits, and environment variables that the templates do not name themselves."""

    environment: dict[str, str | int | float | bool]
