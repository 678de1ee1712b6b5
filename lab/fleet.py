"""Bring the whole lab up, take it away, and say how it is."""

from __future__ import annotations

import http.client
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from lab.builds import Builder, job_name
from lab.certificates import ensure_certificates
from lab.containers import Container, ensure_container, ensure_networks
from lab.engine import docker, inspect, require_engine, try_docker
from lab.exclusive import exclusive
from lab.hosts import ensure_host, stop_engine
from lab.keys import ensure_keys
from lab.layout import (
    ALL_IMAGES,
    COMMAND_LOCK,
    HOSTS,
    IMAGE_LOCK,
    KNOWN_HOSTS,
    LABEL,
    PREFIX,
    PROVIDER_ADDRESS,
    PROVIDER_NAME,
    PROVIDER_PORT,
    PUBLISHED,
    REGISTRY_VOLUME,
    SECRETS,
    STATE,
    UPSTREAM_REPOSITORY,
    WHEELS,
    HostLayout,
)
from lab.parts import UPSTREAM_ADDRESS, Part, parts
from lab.progress import Job, Reporter, describe_counts, run_jobs, wait_until
from lab.registry import ensure_registry, push, write_lock
from lab.upstream import ensure_upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

READY_SECONDS = 30.0
WORKERS = 4  # two processors: builds mostly wait for downloads and disks


@dataclass(frozen=True)
class PartState:
    """A part and what the engine says of its container: running, exited, missing; empty when it has none."""

    part: Part
    state: str


def up(reporter: Reporter | None = None, images: Sequence[str] = ALL_IMAGES) -> None:
    """Bring up everything that is not up already, reporting every job with its seconds.

    Raises ConfigurationError before anything starts when there is no engine or an image has no source,
    and GatewayError with the cause when a job fails; running it again goes on where it stopped.
    """
    shown = reporter or Reporter()
    shown.title(f"lab: Docker Engine {require_engine()}")
    with exclusive(COMMAND_LOCK, shown):
        run_jobs(fleet_jobs(images), shown, workers=WORKERS)
    shown.title(f"lab is up after {shown.total():.1f} s")


def fleet_jobs(images: Sequence[str]) -> list[Job]:
    """Return the jobs of `up` for the given images, with what each comes after."""
    published = [name for name in images if name in PUBLISHED]
    pushes = [Job(f"push {name}", partial(push, name), (job_name(name), "registry")) for name in published]
    hosts = [
        Job(
            f"host {host.name}",
            partial(ensure_host, host),
            ("networks", "keys", job_name(host.image.removeprefix(f"{PREFIX}/"))),
        )
        for host in HOSTS
    ]
    provider = [Job("provider", ensure_provider, ("networks", job_name("provider")))]
    return [
        Job("networks", ensure_networks),
        Job("keys", ensure_keys),
        Job("certificates", ensure_certificates),
        Job("upstream repository", ensure_upstream),
        *Builder().jobs(images),
        Job("registry", ensure_registry, ("networks", "certificates", job_name("registry"))),
        *(provider if "provider" in images else []),
        *hosts,
        *pushes,
        Job("image lock", write_lock, tuple(job.name for job in pushes)),
    ]


def down(*, keep_images: bool = False, reporter: Reporter | None = None) -> dict[str, int]:
    """Remove every container, volume, network, image and file that the lab has made.

    `keep_images` leaves the images, what the registry stores and the downloaded wheels: the next `up`
    is quick. Returns how many of each kind were removed.
    """
    shown = reporter or Reporter()
    require_engine()
    with exclusive(COMMAND_LOCK, shown):
        run_jobs([Job(f"stop {host.name}", partial(_stopped, host)) for host in HOSTS], shown)
        kept = (REGISTRY_VOLUME,) if keep_images else ()
        counts = {kind: _remove_all(kind, kept) for kind in ("container", "volume", "network")}
        if not keep_images:
            counts["image"] = _remove_images()
            shutil.rmtree(WHEELS, ignore_errors=True)
        for file in (KNOWN_HOSTS, IMAGE_LOCK, SECRETS):
            file.unlink(missing_ok=True)
        shutil.rmtree(STATE, ignore_errors=True)
    shown.title(f"removed {describe_counts(counts)} and the lab's files in {shown.total():.1f} s")
    return counts


def status() -> list[PartState]:
    """Return every part with the state of its container; changes nothing."""
    require_engine()
    return [PartState(part, _state(part)) for part in parts()]


def ensure_provider() -> str:
    """Bring the provider's stand-in up and return what had to be done."""
    container = Container(
        name=f"{PREFIX}-provider",
        image=f"{PREFIX}/provider",
        address=PROVIDER_ADDRESS,
        options=("--hostname", "provider", f"--network-alias={PROVIDER_NAME}"),
    )
    outcome = ensure_container(container)
    if not wait_until(_provider_answers, seconds=READY_SECONDS):
        raise GatewayError("the provider does not answer", where="lab", next_step=f"docker logs {container.name}")
    return outcome


def _state(part: Part) -> str:
    if part.container:
        return inspect("container", part.container, "{{.State.Status}}") or "missing"
    if part.address == UPSTREAM_ADDRESS:
        return "present" if (UPSTREAM_REPOSITORY / "HEAD").is_file() else "missing"
    return ""


def _provider_answers() -> bool:
    connection = http.client.HTTPConnection(PROVIDER_ADDRESS, PROVIDER_PORT, timeout=2)
    try:
        connection.request("GET", "/v1/models")
        connection.getresponse().read()
    except OSError:
        return False
    else:
        return True
    finally:
        connection.close()


def _stopped(host: HostLayout) -> str:
    if inspect("container", host.container, "{{.State.Running}}") != "true":
        return "not running"
    stop_engine(host)
    return "stopped"


def _remove_all(kind: str, kept: Sequence[str] = ()) -> int:
    """Remove everything of one kind that carries the lab's label, but for the kept; return how many."""
    everything = ["--all"] if kind == "container" else []
    listed = docker(kind, "ls", *everything, "--quiet", "--filter", f"label={LABEL}").split()
    found = [name for name in listed if name not in kept]
    if found:
        force = ["--force", "--volumes"] if kind == "container" else []
        docker(kind, "rm", *force, *found)
    return len(found)


def _remove_images() -> int:
    """Remove all images with the lab's label, tagged ones first, then the stages that builds have left."""
    tagged = docker(
        *("images", "--filter", f"label={LABEL}", "--filter", f"reference={PREFIX}/*"),
        *("--format", "{{.Repository}}:{{.Tag}}"),
    ).split()
    if tagged:
        docker("rmi", "--force", *tagged)
    while left := docker("images", "--quiet", "--no-trunc", "--filter", f"label={LABEL}").split():
        if not any(try_docker("rmi", "--force", image) is not None for image in dict.fromkeys(left)):
            break
    return len(tagged)
