"""The job: an environment of so many app hosts, and what is rendered for each of them before and after a change."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping

import yaml

from bench.fleet.layout import ENVIRONMENT, INVENTORY, PORT
from bench.fleet.targets import Fleet
from gateway.commands.images import undigested
from gateway.commands.project import MERGED, Project, open_project
from gateway.commands.render import NO_DIGEST
from gateway.console import Reporter
from lab.layout import UPSTREAM_TREE
from lab.upstream import TAG, ensure_upstream

GROUP = "app"  # the others of the inventory are there because an environment needs them; nobody asks them
CHANGED_FILE, CHANGED_KEY = "compose.override.yml", "jawn.memory"
STATES = {"before": "2g", "after": "3g"}  # what the one variable is; the first is the role's default
Files = Mapping[str, tuple[bytes, int]]


@contextlib.contextmanager
def environment(fleet: Fleet) -> Iterator[None]:
    """Write the inventory of a fleet's environment into the project, and take it away afterwards."""
    shutil.rmtree(INVENTORY, ignore_errors=True)
    ensure_upstream(UPSTREAM_TREE, fleet.folder / "upstream.git")
    try:
        (INVENTORY / "group_vars").mkdir(parents=True)
        (INVENTORY / "group_vars" / "all.yml").write_text(yaml.safe_dump(settings(fleet)))
        (INVENTORY / "known_hosts").write_text(fleet.known_hosts())
        write_hosts(fleet, len(fleet.targets), far=False)
        # The stand-in of the engine says of every image that it is there.
        lock = dict.fromkeys(undigested(_project("before").inventory), NO_DIGEST)
        (INVENTORY / "images.lock.yml").write_text(yaml.safe_dump(lock))
        yield
    finally:
        shutil.rmtree(INVENTORY, ignore_errors=True)
        shutil.rmtree(MERGED / ENVIRONMENT, ignore_errors=True)


def settings(fleet: Fleet) -> dict[str, object]:
    """Return what all hosts share. Nothing of it can lead away from this machine."""
    return {
        "connection": {"user": "root", "port": PORT, "identity_file": str(fleet.identity)},
        "secrets": {"identity": str(fleet.folder / "age.key")},
        "upstream": {"repo": str(fleet.folder / "upstream.git"), "ref": TAG},
        "images": {name: f"helicone/{name}:{TAG}" for name in ("jawn", "web", "migrations")},
        "preflight": {"disk_free_gb": 0, "memory_mb": 512},
        "firewall": {"mode": "off"},
        # Rivals change all hosts at once and watch nothing afterwards, so it does not either.
        "deploy": {"batch": len(fleet.targets), "settle_seconds": 0},
    }


def write_hosts(fleet: Fleet, count: int, *, far: bool) -> None:
    """Write the inventory's hosts: the first targets, directly or by way of the relay."""
    hosts = {
        target.name: {
            "connection": {"address": target.address(far=far)},
            "private_address": target.address(far=False),
        }
        for target in fleet.targets[:count]
    }
    others = {
        role: {role: {"connection": {"address": place}, "publish_address": place, "private_address": place}}
        for role, place in (("edge", "127.79.0.1"), ("data", "127.79.0.2"))
    }
    text = {
        "all": {"hosts": {**hosts, **others["edge"], **others["data"]}},
        GROUP: {"hosts": dict.fromkeys(hosts)},
        **{role: {"hosts": dict.fromkeys(names)} for role, names in others.items()},
    }
    (INVENTORY / "hosts.yml").write_text(yaml.safe_dump(text))


def rendered(state: str) -> dict[str, Files]:
    """Return content and mode of the files of every host in a state, as the project renders them."""
    releases = _project(state).releases
    return {
        name: {path: (file.content, file.mode) for path, file in release.files.items()}
        for name, release in releases.items()
    }


def flags(state: str) -> list[str]:
    """Return the words that bring about a state on the project's own command line."""
    return ["--env", ENVIRONMENT, "--limit", GROUP, "--set", f"{CHANGED_KEY}={STATES[state]}"]


def _project(state: str) -> Project:
    return open_project(ENVIRONMENT, flags(state)[-1:], GROUP, Reporter(quiet=True))
