"""What must hold of the merged definition of every host, whatever the inventory and Helicone's file say.

Each rule is a function from a service to complaints. They run at every render, so that a change of
Helicone's file or of a template cannot open a port or bring a default password back unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.render.rules_environment import environment_complaints
from gateway.secret_names import PUBLIC_PASSWORDS

Definition = Mapping[str, Any]

UNWANTED = re.compile(r"redis|mailhog|minio.*|worker-.*|kafka|zookeeper|.*-dev")
_PUBLIC = re.compile("|".join(map(re.escape, PUBLIC_PASSWORDS)))
_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Expectation:
    """What the inventory allows on one host.

    `services` are all that may run, `one_shots` those of them that end. `published` maps a service to
    its allowed (address, port). `mounts_below` are the only folders of the host that may be mounted.
    """

    services: Collection[str]
    one_shots: Collection[str] = ()
    published: Mapping[str, Collection[tuple[str, int]]] = field(default_factory=dict)
    mounts_below: Collection[str] = ("",)


def check_merged(merged: Mapping[str, Any], expected: Expectation) -> list[str]:
    """Return a sentence for each way in which the `merged` definition breaks a rule; none is good.

    `merged` is what `merged_definition` gives. The sentences name services and keys, never values
    of variables.
    """
    services: Mapping[str, Definition] = merged["services"]
    complaints = [f"{name} is missing" for name in expected.services if name not in services]
    complaints += [f"{name} must not run here" for name in services if name not in expected.services]
    complaints += [
        f"{name} is a part of Helicone's file that is never run" for name in services if UNWANTED.fullmatch(name)
    ]
    for name, definition in services.items():
        complaints += [f"{name}: {text}" for rule in _RULES for text in rule(definition)]
        complaints += [f"{name}: {text}" for text in _ports(definition, expected.published.get(name, ()))]
        complaints += [f"{name}: {text}" for text in _mounts(definition, expected.mounts_below)]
        if name in expected.one_shots:
            complaints += [f"{name}: {text}" for text in _one_shot(definition)]
        else:
            complaints += [f"{name}: {text}" for text in _lasting(definition)]
    complaints += [
        f"the volume {name} has no name of this project"
        for name, volume in (merged.get("volumes") or {}).items()
        if not str(volume.get("name", "")).startswith(f"{merged['name']}-")
    ]
    return complaints + environment_complaints(services)


def _image(definition: Definition) -> Iterator[str]:
    if not _DIGEST.fullmatch(str(definition.get("image", ""))):
        yield "its image has no digest"


def _leftovers(definition: Definition) -> Iterator[str]:
    for key in ("build", "container_name", "privileged", "env_file", "extends", "devices", "pid"):
        if definition.get(key):
            yield f"it must not have {key}"
    if str(definition.get("network_mode", "")) == "host":
        yield "it must not share the host's network"
    shared = str(definition.get("ipc") or "shareable")
    if shared not in ("shareable", str(definition.get("network_mode", ""))):
        yield "it must not share memory with others than those whose network it shares"


def _dependencies(definition: Definition) -> Iterator[str]:
    owner = str(definition.get("network_mode", "")).removeprefix("service:")
    for name in definition.get("depends_on") or {}:
        if name != owner:  # Compose adds the owner of a shared namespace itself
            yield f"it must not depend on {name}: the rollout orders the starts"


def _passwords(definition: Definition) -> Iterator[str]:
    for path, text in _texts(definition):
        if _PUBLIC.search(text.lower()):
            yield f"{path} holds a publicly known default password"


def _limits(definition: Definition) -> Iterator[str]:
    limits = ((definition.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    if not (definition.get("mem_limit") or limits.get("memory")):
        yield "it has no memory limit"
    if not (definition.get("cpus") or limits.get("cpus")):
        yield "it has no CPU limit"


def _rotation(definition: Definition) -> Iterator[str]:
    logging = definition.get("logging") or {}
    options = logging.get("options") or {}
    if logging.get("driver") != "json-file" or not options.get("max-size") or not options.get("max-file"):
        yield "its log is not rotated"


def _privileges(definition: Definition) -> Iterator[str]:
    if "no-new-privileges:true" not in (definition.get("security_opt") or []):
        yield "it may gain new privileges"


def _lasting(definition: Definition) -> Iterator[str]:
    if definition.get("restart") not in ("unless-stopped", "always"):
        yield "it has no restart policy"
    healthcheck = definition.get("healthcheck") or {}
    if healthcheck.get("disable") or not healthcheck.get("test") or healthcheck["test"] == ["NONE"]:
        yield "it has no healthcheck"
    elif "localhost" in str(healthcheck["test"]):
        yield "its healthcheck asks localhost, which can be IPv6"


def _one_shot(definition: Definition) -> Iterator[str]:
    if definition.get("restart", "no") != "no":
        yield "it runs once and must not be restarted"


def _ports(definition: Definition, allowed: Collection[tuple[str, int]]) -> Iterator[str]:
    for port in definition.get("ports") or []:
        found = (str(port.get("host_ip", "")) or "every address", int(port.get("published") or 0))
        if found not in allowed:
            yield f"it publishes port {found[1]} on {found[0]}, which the inventory does not say"


def _mounts(definition: Definition, below: Collection[str]) -> Iterator[str]:
    for mount in definition.get("volumes") or []:
        source = str(mount.get("source", ""))
        if mount.get("type") == "bind" and not (
            any(source == folder or source.startswith(f"{folder}/") for folder in below) and mount.get("read_only")
        ):
            yield f"it mounts {source} of the host"
        if mount.get("type") == "volume" and not source:
            yield f"it keeps {mount.get('target')} in a volume without a name"


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in `value` with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, path)


_RULES: tuple[Callable[[Definition], Iterator[str]], ...] = (
    _image,
    _leftovers,
    _dependencies,
    _passwords,
    _limits,
    _rotation,
    _privileges,
)
