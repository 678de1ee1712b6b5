"""What each role runs and renders, read from `roles/<role>/role.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gateway.document import load_made
from gateway.render.model import ServiceRole

EVERY_HOST = "common"
ROOT = Path(__file__).resolve().parents[2]


class ServiceRecipe(BaseModel):
    """A service of a role: its template, and what decides about it.

    `bundled` names the section of the variables whose `mode` must be `bundled`; `volumes` the named
    volumes it uses; `mounts` the rendered files that it reads when it starts, `live` those that it
    reads again whenever they change; `code` a package below `gateway/` that it runs. `runs: once` makes
    it a one-shot on one host of the environment. With `handover` a new container starts beside the old
    one, which then finishes its work.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str
    bundled: str = ""
    volumes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    live: tuple[str, ...] = ()
    code: str = ""
    runs: str = "always"
    handover: bool = False

    @property
    def read_at_start(self) -> tuple[str, ...]:
        """Return the files, by path in the release, whose change needs a new container."""
        return (*self.mounts, *self.code_files)

    @property
    def code_files(self) -> dict[str, Path]:
        """Return the modules that it runs, by their path in the release."""
        folder = ROOT / "gateway" / self.code
        return {f"{self.code}/{path.name}": path for path in sorted(folder.glob("*.py"))} if self.code else {}


@dataclass(frozen=True)
class RoleRecipe:
    """A role's services, in the order of their start, the templates of its files by path, and those of guards.

    A guard is a file that is put into force beside the services, under an undo, and only where the
    inventory wants it.
    """

    services: Mapping[str, ServiceRecipe]
    files: Mapping[str, str]
    guards: Mapping[str, str]


@cache
def load_role(name: str, root: Path = ROOT) -> RoleRecipe:
    """Return the recipe in `roles/<name>/role.yml` below `root`.

    Raises OSError or pydantic's ValidationError if the file, which is part of the project, is broken.
    """
    document = load_made((root / "roles" / name / "role.yml").read_text(encoding="utf-8"))
    services = {
        service: ServiceRecipe.model_validate(recipe) for service, recipe in document.get("services", {}).items()
    }
    return RoleRecipe(services, dict(document.get("files", {})), dict(document.get("guards", {})))


def service_role(name: str, recipe: ServiceRecipe) -> ServiceRole:
    """Return the role that a rollout knows the service of role `name` by."""
    if recipe.runs == "once":
        return "migrations"
    if name in ("data", "app", "edge"):
        return name  # type: ignore[return-value]
    raise ValueError(f"role {name} has a lasting service, which no step of a rollout would start")
