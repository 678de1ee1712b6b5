"""What of Helicone's repository at one commit matters to who runs it: compose file, examples, migrations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.document import load_made
from gateway.errors import ConfigurationError
from gateway.git_cache import CachedRepository, alone
from gateway.private_file import own_files
from gateway.upstream import CLICKHOUSE_FOLDERS, POSTGRES_FOLDERS

# The example settings that Helicone keeps for people who copy them; not every version has all of them.
EXAMPLES = ("docker/.env.example", "valhalla/jawn/.env.example", "web/.env.example")
_EXAMPLE_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_INTERPOLATED = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)")


@dataclass(frozen=True)
class ServiceShape:
    """One service of the compose file: its image or what it is built from, variables, ports, volumes, profiles."""

    image: str
    environment: Mapping[str, str]
    ports: tuple[str, ...]
    volumes: tuple[str, ...]
    profiles: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """Upstream at one commit. The migrations are name and object id; `examples` has name and value by file."""

    commit: str
    date: str
    services: Mapping[str, ServiceShape]
    volumes: tuple[str, ...]
    interpolated: tuple[str, ...]
    examples: Mapping[str, Mapping[str, str]]
    postgres: tuple[tuple[str, str], ...]
    clickhouse: tuple[tuple[str, str], ...]

    def names(self, store: str) -> list[str]:
        """Return the file names of a store's migrations, one that stands in two folders twice."""
        return [name for name, _ in getattr(self, store)]


@own_files()
def read_shape(repo: str, ref: str, compose_path: str, cache: Path) -> tuple[Shape, str]:
    """Return the shape of `repo` at `ref`, and the cache's notice or an empty text.

    Raises ConfigurationError if the repository cannot be reached, or does not hold the ref or the file.
    """
    with alone(cache):
        repository = CachedRepository(repo, cache)
        commit, notice = repository.resolve(ref)
        examples = {path: repository.read_if_there(commit, path) for path in EXAMPLES}
        return Shape(
            commit=commit,
            date=repository.date(commit),
            **parsed_compose(repository.read(commit, compose_path), commit),
            examples={path: parsed_example(content) for path, content in examples.items() if content},
            postgres=repository.sql_files(commit, POSTGRES_FOLDERS),
            clickhouse=repository.sql_files(commit, CLICKHOUSE_FOLDERS),
        ), notice


def parsed_compose(content: bytes, commit: str) -> dict[str, Any]:
    """Return services, volumes and interpolated variables of a compose file. Raises ConfigurationError for no such."""
    try:
        document = load_made(content)
        services = {str(name): _service(service) for name, service in document["services"].items()}
        volumes = tuple(sorted(str(name) for name in document.get("volumes") or {}))
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        raise ConfigurationError(
            "it is no compose file with services", where=f"upstream's compose file at {commit[:12]}",
            next_step="set upstream.compose_path, or give another --ref",
        ) from None  # fmt: skip
    interpolated = tuple(sorted(set(_INTERPOLATED.findall(content.decode(errors="replace")))))
    return {"services": services, "volumes": volumes, "interpolated": interpolated}


def parsed_example(content: bytes) -> dict[str, str]:
    """Return the settings of a `.env.example`, quotes taken off."""
    found = (_EXAMPLE_LINE.match(line) for line in content.decode(errors="replace").splitlines())
    return {match[1]: match[2].strip("\"'") for match in found if match}


def _service(service: Mapping[str, Any]) -> ServiceShape:
    build = service.get("build") or {}
    dockerfile = build.get("dockerfile", "Dockerfile") if isinstance(build, dict) else str(build)
    return ServiceShape(
        image=str(service.get("image") or f"built from {dockerfile}"),
        environment=_environment(service.get("environment") or {}),
        ports=tuple(sorted(_text(port) for port in service.get("ports") or [])),
        volumes=tuple(sorted(_text(volume) for volume in service.get("volumes") or [])),
        profiles=tuple(sorted(str(profile) for profile in service.get("profiles") or [])),
    )


def _environment(given: Any) -> dict[str, str]:
    """Return the variables of a service, which compose files write as a mapping or as a list of NAME=value."""
    if isinstance(given, list):
        pairs = [str(one).partition("=") for one in given]
        return {name: value for name, _, value in pairs}
    return {str(name): _text(value) for name, value in given.items()}


def _text(value: Any) -> str:
    """Return a value as Compose hands it on; a mapping (the long form of a port or volume) as its sorted pairs."""
    if isinstance(value, dict):
        return " ".join(f"{key}={_text(one)}" for key, one in sorted(value.items()))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).strip()
