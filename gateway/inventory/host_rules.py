"""What must hold within one host, beyond the type of each value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.inventory.published import bundled_stores
from gateway.wording import printable

if TYPE_CHECKING:
    from gateway.inventory.model import Host

_SERVER = r"[^\s/@?#:\[\]]+|\[[0-9a-fA-F:]+\]"
_URL = re.compile(rf"https?://({_SERVER})(:[0-9]{{1,5}})?")
_URL_WITH_PORT = re.compile(rf"https?://({_SERVER}):[0-9]{{1,5}}")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SMALLEST_MEMORY_MB = 6  # Docker refuses less


def validate_host(host: Host, line: str) -> None:
    """Raise ConfigurationError for the first thing about `host`, listed at `line`, that does not hold."""
    _connection(host, line)
    _urls(host)
    _stores(host)
    _limits(host)
    _environment_names(host)


def refuse_value(host: Host, key: str, message: str, next_step: str = "") -> ConfigurationError:
    """Return the error about the value of `key` on `host`, at the line that set it."""
    origin = host.origins.get(key)
    return ConfigurationError(message, where=str(origin) if origin else f"host {host.name}", next_step=next_step)


def _connection(host: Host, line: str) -> None:
    """Check that the host can be reached at all."""
    connection = host.variables.connection
    if connection.transport == "ssh" and not connection.address:
        raise ConfigurationError(
            f"host `{host.name}` has no `connection.address`",
            where=line,
            next_step="set `connection.address` for it, or `connection.transport: local` for this machine",
        )


def _urls(host: Host) -> None:
    """Check the URLs that people and clients use: a scheme, a host, perhaps a port."""
    for name in ("gateway", "ui"):
        url = getattr(host.variables.urls, name)
        if url and not _URL.fullmatch(url):
            raise refuse_value(
                host,
                f"urls.{name}",
                f"`urls.{name}` must be http:// or https://, a host and perhaps a port, and nothing after it",
                "for example https://helicone.example.com",
            )


def _stores(host: Host) -> None:
    """Check that an external store is described, and that a bundled one can work."""
    variables = host.variables
    checks: tuple[tuple[str, str, str, re.Pattern[str], str], ...] = (
        (
            "postgres",
            "host",
            variables.postgres.host,
            _HOST,
            "a host name or address, without scheme and port",
        ),
        ("clickhouse", "url", variables.clickhouse.url, _URL_WITH_PORT, "http(s)://host:port"),
        (
            "object_store",
            "endpoint",
            variables.object_store.endpoint,
            _URL,
            "http(s)://host, perhaps with a port",
        ),
    )
    bundled = bundled_stores(host)
    for store, field, value, pattern, words in checks:
        key = f"{store}.{field}"
        if store in bundled:
            continue
        if not value:
            raise refuse_value(
                host,
                f"{store}.mode",
                f"`{store}.mode` is external, but `{key}` is empty",
                f"set `{key}` to {words}",
            )
        if not pattern.fullmatch(value):
            raise refuse_value(host, key, f"`{key}` must be {words}")
    if "postgres" in bundled and variables.postgres.user != "postgres":
        raise refuse_value(
            host,
            "postgres.user",
            "`postgres.user` must be postgres: Helicone's migrations name that role literally",
        )


def _limits(host: Host) -> None:
    """Check that every amount of memory is one that Docker takes."""
    variables = host.variables
    sections = ("postgres", "clickhouse", "object_store", "migrations", "jawn", "web", "egress", "edge")
    for name in sections:
        memory = getattr(variables, name).memory
        megabytes = int(memory[:-1]) * (1024 if memory.endswith("g") else 1)
        if megabytes < _SMALLEST_MEMORY_MB:
            raise refuse_value(
                host,
                f"{name}.memory",
                f"`{name}.memory` is {memory}: Docker needs at least {_SMALLEST_MEMORY_MB}m",
            )


def _environment_names(host: Host) -> None:
    """Check that free environment variables have names that a container can carry."""
    variables = host.variables
    for section in ("postgres", "clickhouse", "object_store", "jawn", "web"):
        for name in getattr(variables, section).environment:
            if not _VARIABLE_NAME.fullmatch(name):
                raise refuse_value(
                    host,
                    f"{section}.environment.{name}",
                    f"`{printable(name)}` in `{section}.environment` cannot be the name of an environment variable",
                    "use letters, digits and _, and do not start with a digit",
                )
