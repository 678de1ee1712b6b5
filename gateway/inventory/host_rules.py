"""What must hold within one host, beyond the type of each value."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.errors import ConfigurationError
from gateway.inventory.published import bundled_stores
from gateway.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.inventory.model import Host

_SERVER = r"[^\s/@?#:\[\]]+|\[[0-9a-fA-F:]+\]"
_URL = re.compile(rf"https?://({_SERVER})(:[0-9]{{1,5}})?")
_URL_WITH_PORT = re.compile(rf"https?://({_SERVER}):[0-9]{{1,5}}")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_PORT = re.compile(r"[1-9][0-9]{0,4}/(tcp|udp)")
_HIGHEST_PORT = 65535
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SMALLEST_MEMORY_MB = 6  # Docker refuses less


def validate_host(host: Host) -> None:
    """Raise ConfigurationError for the first thing about `host` that does not hold."""
    _urls(host)
    _stores(host)
    _limits(host)
    _environment_names(host)
    _providers(host)
    _certificates(host)
    _firewall(host)


def refuse_value(host: Host, key: str, message: str, next_step: str = "") -> ConfigurationError:
    """Return the error about the value of `key` on `host`, at the line that set it."""
    origin = host.origins.get(key)
    return ConfigurationError(message, where=str(origin) if origin else f"host {host.name}", next_step=next_step)


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
    sections = (
        "postgres", "clickhouse", "object_store", "migrations", "jawn", "web", "egress", "edge",
        "gateway", "recorder", "keys", "door",
    )  # fmt: skip
    if 2 * _megabytes(variables.recorder.mirror) > _megabytes(variables.gateway.memory):
        raise refuse_value(
            host,
            "recorder.mirror",
            f"`recorder.mirror` is {variables.recorder.mirror}: it is a part of `gateway.memory`: half at most",
        )
    for name in sections:
        memory = getattr(variables, name).memory
        megabytes = _megabytes(memory)
        if megabytes < _SMALLEST_MEMORY_MB:
            raise refuse_value(
                host,
                f"{name}.memory",
                f"`{name}.memory` is {memory}: Docker needs at least {_SMALLEST_MEMORY_MB}m",
            )


def _megabytes(memory: str) -> int:
    return int(memory[:-1]) * (1024 if memory.endswith("g") else 1)


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


# First segments of paths that the gateway or the APIs behind it use themselves.
_TAKEN_ROUTES = ("healthz", "v1")


def _providers(host: Host) -> None:
    """Check that the default provider is there, and that no two providers are told apart by nothing."""
    variables = host.variables
    default = variables.gateway.default_provider
    if default not in variables.providers:
        known = ", ".join(sorted(variables.providers))
        raise refuse_value(
            host, "gateway.default_provider",
            f"`gateway.default_provider` is {printable(default)}, which is no provider",
            f"name one of {known}, or add it below `providers`",
        )  # fmt: skip
    seen: dict[str, str] = {}
    for name, provider in variables.providers.items():
        if name in _TAKEN_ROUTES:
            raise refuse_value(host, f"providers.{name}.base_url", f"a provider cannot be called {name}: it is a route")
        if not _has_usable_port(provider.base_url):
            raise refuse_value(
                host, f"providers.{name}.base_url", f"the port in `providers.{name}.base_url` is none",
                "write a number from 1 to 65535, or no port at all",
            )  # fmt: skip
        first = seen.setdefault(provider.key_prefix, name)
        if provider.key_prefix and first != name:
            raise refuse_value(
                host, f"providers.{name}.key_prefix",
                f"providers {first} and {name} have the same `key_prefix`, so that /v1 could lead to either",
                'give one of them another prefix, or "" to reach it by its route only',
            )  # fmt: skip
    _networks(host, "gateway.allow_from", variables.gateway.allow_from)


def _networks(host: Host, key: str, networks: Sequence[str]) -> None:
    """Check that each text in the list `key` is a network."""
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            raise refuse_value(
                host, key, f"`{network}` in `{key}` is no network",
                "write its first address and its length, such as 10.0.0.0/8",
            ) from None  # fmt: skip


def _has_usable_port(url: str) -> bool:
    """Tell whether a URL names no port, or one that there can be."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _certificates(host: Host) -> None:
    """Check that an authority could give out what is asked for."""
    tls = host.variables.edge.tls
    if tls.mode == "auto" and not tls.names:
        raise refuse_value(
            host, "edge.tls.mode", "`edge.tls.mode` is auto, but `edge.tls.names` is empty",
            "name the host names that lead here; public authorities give certificates for names",
        )  # fmt: skip


def _firewall(host: Host) -> None:
    """Check that the firewall's networks and ports are some, and that closing the host can be tried out."""
    firewall = host.variables.firewall
    for name in ("ssh_from", "allow_from", "private_from"):
        _networks(host, f"firewall.{name}", getattr(firewall, name))
    for port, networks in firewall.extra_ports.items():
        if not _PORT.fullmatch(port) or int(port.partition("/")[0]) > _HIGHEST_PORT:
            raise refuse_value(
                host, f"firewall.extra_ports.{port}", f"`{printable(port)}` in `firewall.extra_ports` is no port",
                "write its number and protocol, such as 9100/tcp",
            )  # fmt: skip
        _networks(host, f"firewall.extra_ports.{port}", networks)
    for key, wanted in (("firewall.mode", firewall.mode == "host"), ("hardening.sshd", host.variables.hardening.sshd)):
        if wanted and host.variables.connection.transport == "local":
            raise refuse_value(
                host, key, f"`{key}` needs `connection.transport` ssh here: nobody could try from outside whether this"
                " machine still lets anybody in", "leave it off, or manage this machine from another one",
            )  # fmt: skip
