"""The edge under test: an environment of its own, deployed onto this machine with the lab's images, and removed."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from bench.gateway.layout import ENVIRONMENT, GATEWAY_PORT, INVENTORY, PROJECT, PROVIDER_PORT, UI_PORT
from bench.layout import ROOT
from bench.shell import bridge_address, invoke, require, run, wait_for
from gateway.agent.docker_setup import PLUGIN
from gateway.commands.project import open_project
from gateway.console import Reporter
from lab.engine import docker, inspect, try_docker
from lab.layout import INVENTORY as LAB
from lab.layout import PREFIX, PUSH_REGISTRY, REGISTRY

# What the lab's settings say of itself, its small limits included: the benchmark runs with the defaults of the roles.
_KEPT = ("upstream", "images", "verify", "preflight")
DRAIN_SECONDS = 120
_HOOKS = f"/etc/init.d/{PROJECT} /etc/rc?.d/*{PROJECT} /etc/systemd/system/{PROJECT}.service"


def require_lab() -> None:
    """Raise GatewayError unless the lab, whose registry and images are used, is up."""
    state = inspect("container", f"{PREFIX}-registry", "{{.State.Running}}")
    require(state == "true", "the lab is not up, and its registry has the images", "invoke lab.up")


@contextlib.contextmanager
def deployed() -> Iterator[str]:
    """Deploy the environment and yield the address of its gateway; take all traces of it away afterwards.

    Left-overs of a run that was cut off are removed first. Raises GatewayError when the lab is not up,
    or a command fails.
    """
    require_lab()
    remove()
    address = bridge_address()
    before, missing = _images(), [path for path in (PLUGIN, *PLUGIN.parents) if not path.exists()]
    folder = Path(tempfile.mkdtemp(prefix=f"{PROJECT}-"))
    try:
        describe(folder, address)
        invoke("images.lock", "--env", ENVIRONMENT)
        invoke("deploy", "--env", ENVIRONMENT, "--yes")
        yield address
    finally:
        remove()
        shutil.rmtree(folder, ignore_errors=True)
        for image in sorted(_images() - before):
            try_docker("rmi", image)
        for path in missing:  # what a deploy installs on a machine without Compose
            with contextlib.suppress(OSError):  # never made, or somebody else's by now
                path.unlink() if path == PLUGIN else path.rmdir()


def switch(recording: str) -> None:
    """Deploy again with another path for the requests, `edge` or `inline`, and wait until no container hands over."""
    invoke("deploy", "--env", ENVIRONMENT, "--yes", "--set", f"gateway.recording={recording}")
    wait_for(_settled, "the end of the old containers", DRAIN_SECONDS)


def describe(folder: Path, address: str) -> None:
    """Write the inventory: one host with all roles, this machine, with the defaults of the roles and no TLS."""
    lab = yaml.safe_load((LAB / "group_vars" / "all.yml").read_text())
    provider = f"http://{address}:{PROVIDER_PORT}"
    settings = {name: lab[name] for name in _KEPT} | {
        "images": {name: image.replace(REGISTRY, PUSH_REGISTRY) for name, image in lab["images"].items()},
        "directory": str(folder / "hosts"),
        "secrets": {"identity": str(folder / "age.key")},
        # All others lead there as well, so that nothing of a benchmark can leave this machine.
        "providers": {name: {"base_url": f"{provider}/v1"} for name in lab["providers"]},
        "ports": {"gateway": GATEWAY_PORT, "ui": UI_PORT},
        "clickhouse": {"open_files": lab["clickhouse"]["open_files"]},  # machines in a container may not raise it
        "deploy": {"settle_seconds": 1},
    }
    host = {"connection": {"transport": "local"}, "publish_address": address}
    groups = {role: {"hosts": {"localhost": None}} for role in ("data", "app", "edge")}
    (INVENTORY / "group_vars").mkdir(parents=True)
    (INVENTORY / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"localhost": host}}, **groups}))
    (INVENTORY / "group_vars" / "all.yml").write_text(yaml.safe_dump(settings))


def helicone_key() -> str:
    """Return the environment's Helicone key."""
    return open_project(ENVIRONMENT, [], None, Reporter(quiet=True)).vault["helicone_api_key"].reveal()


def remove() -> None:
    """Remove all that a deploy of the environment leaves on this machine, and the environment."""
    ours = f"label=com.docker.compose.project={PROJECT}"
    kinds = (("rm", "--force", "--volumes"), ("network", "rm"), ("volume", "rm"))
    listings = (("ps", "-aq"), ("network", "ls", "-q"), ("volume", "ls", "-q"))
    for words, listing in zip(kinds, listings, strict=True):
        if found := docker(*listing, "--filter", ours).split():
            docker(*words, *found)
    run(["/bin/sh", "-c", f"rm -f {_HOOKS}"])
    shutil.rmtree(INVENTORY, ignore_errors=True)


def versions() -> dict[str, str]:
    """Return what is measured: the images by service, and the project's commit."""
    found = json.loads(invoke("status", "--env", ENVIRONMENT, "--json"))
    return {
        "release": str(found["hosts"]["localhost"].get("release", "")),
        "commit": run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]).strip(),
    }


def _settled() -> bool:
    """Return whether each service has one container: two of one share what is measured of it."""
    form = '{{.Label "com.docker.compose.service"}}'
    services = docker("ps", "--filter", f"label=com.docker.compose.project={PROJECT}", "--format", form).split()
    return len(services) == len(set(services))


def _images() -> set[str]:
    """Return what this machine's engine has under the names by which the environment pulls."""
    listing = docker("image", "ls", "--digests", "--format", "{{.Repository}}@{{.Digest}}")
    return {line for line in listing.split() if line.startswith(PUSH_REGISTRY)}
