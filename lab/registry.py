"""The lab's registry: TLS for the hosts, and a loopback port that the controller pushes through."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING

import yaml

from gateway.errors import GatewayError
from lab.certificates import REGISTRY_CERTIFICATE, REGISTRY_KEY
from lab.containers import Container, PlacedFile, ensure_container
from lab.engine import docker, inspect, try_docker
from lab.layout import IMAGE_LOCK, PREFIX, PUBLISHED, PUSH_REGISTRY, REGISTRY, REGISTRY_ADDRESS, REGISTRY_VOLUME, STATE
from lab.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

READY_SECONDS = 30.0
_PUSHED = STATE / "pushed.json"
_MANIFEST_TYPES = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
_LOCK = threading.Lock()


def ensure_registry() -> str:
    """Bring the registry up and return what had to be done."""
    outcome = ensure_container(registry_container())
    if not wait_until(lambda: _head("/v2/") is not None, seconds=READY_SECONDS):
        raise GatewayError("the registry does not answer", where="lab", next_step=f"docker logs {PREFIX}-registry")
    return outcome


def registry_container() -> Container:
    """Return the registry's container; its store survives a rebuild, so that pushed images do too."""
    return Container(
        name=f"{PREFIX}-registry",
        image=f"{PREFIX}/registry",
        address=REGISTRY_ADDRESS,
        options=("--hostname", "registry", f"--publish={PUSH_REGISTRY}:5001"),
        volumes={REGISTRY_VOLUME: "/var/lib/registry"},
        files={
            "/etc/lab/registry.crt": PlacedFile(REGISTRY_CERTIFICATE.read_bytes()),
            "/etc/lab/registry.key": PlacedFile(REGISTRY_KEY.read_bytes(), 0o600),
        },
        keep_volumes=True,
    )


def push(name: str) -> str:
    """Push one image unless the registry still serves what was pushed from the same image id."""
    image = inspect("image", f"{PREFIX}/{name}", "{{.Id}}")
    repository, _, tag = PUBLISHED[name].partition(":")
    before = _pushed().get(name, {})
    path = f"/v2/{repository}/manifests/{tag}"
    if image and before.get("image") == image and before.get("digest") == _head(path):
        return "unchanged"
    target = f"{PUSH_REGISTRY}/{PUBLISHED[name]}"
    docker("tag", f"{PREFIX}/{name}", target)
    docker("push", "--quiet", target)
    try_docker("rmi", "--no-prune", target)
    digest = _head(path)
    if not digest:
        raise GatewayError(f"the registry has no digest for {PUBLISHED[name]} after the push", where="lab")
    with _LOCK:
        changed = _PUSHED.with_suffix(".new")
        changed.write_text(json.dumps(_pushed() | {name: {"image": image, "digest": digest}}, indent=2))
        changed.replace(_PUSHED)
    return "pushed"


def write_lock() -> str:
    """Write inventory/lab/images.lock.yml from what was pushed; an unchanged file is not touched."""
    pushed = _pushed()
    text = lock_text({f"{REGISTRY}/{PUBLISHED[name]}": pushed[name]["digest"] for name in PUBLISHED if name in pushed})
    if IMAGE_LOCK.is_file() and IMAGE_LOCK.read_text() == text:
        return "unchanged"
    IMAGE_LOCK.parent.mkdir(parents=True, exist_ok=True)
    IMAGE_LOCK.write_text(text)
    return "written"


def lock_text(digests: Mapping[str, str]) -> str:
    """Return the lock file: `name:tag` to manifest digest, sorted, with a note of who writes it."""
    return "# Written by `invoke lab.up`: what the lab's registry serves.\n" + yaml.safe_dump(dict(digests))


def _pushed() -> dict[str, dict[str, str]]:
    if not _PUSHED.is_file():
        return {}
    content: dict[str, dict[str, str]] = json.loads(_PUSHED.read_text())
    return content


def _head(path: str) -> str | None:
    """Ask for a path; return the digest that is named ("" for none), or None unless the answer is 200."""
    host, _, port = PUSH_REGISTRY.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET" if path == "/v2/" else "HEAD", path, headers={"Accept": _MANIFEST_TYPES})
        answer = connection.getresponse()
        answer.read()
        return answer.getheader("Docker-Content-Digest", "") if answer.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()
