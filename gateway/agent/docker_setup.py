"""Docker Engine and Compose where a host lacks them."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import engine, programs
from .compose import run
from .failure import StepFailed

PLUGIN = Path("/usr/local/lib/docker/cli-plugins/docker-compose")
CERTIFICATES = Path("/etc/docker/certs.d")


def install_engine(emit: Callable[..., None]) -> None:
    """Install the distribution's Docker Engine (Debian, Ubuntu) and start it. Raises StepFailed."""
    if not programs.find("dockerd"):
        if not programs.find("apt-get"):
            raise StepFailed(
                "docker",
                "Docker is missing and this is no Debian or Ubuntu: install it by hand",
                kind="configuration",
            )
        install_packages(["docker.io", "iptables", "ca-certificates"], emit)
    start_engine(emit)


def install_packages(names: list[str], emit: Callable[..., None]) -> None:
    """Install packages of the distribution (Debian, Ubuntu). Raises StepFailed."""
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    emit(event="progress", text="apt-get update")
    run([*apt, "update", "-qq"], "apt-get update", str, lambda _: None)
    emit(event="progress", text=f"apt-get install {names[0]}")
    run([*apt, "install", "-y", "-qq", "--no-install-recommends", *names], f"apt-get install {names[0]}", str,
        lambda _: None)  # fmt: skip


def start_engine(emit: Callable[..., None]) -> None:
    """Start an installed engine through systemd or, without it, its init script, and wait for it."""
    if engine.version():
        return
    emit(event="progress", text="start Docker Engine")
    if Path("/run/systemd/system").is_dir():
        start = ["systemctl", "enable", "--now", "docker"]
    else:
        start = ["service", "docker", "start"]
    subprocess.run(start, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    deadline = time.monotonic() + 60
    while not engine.version():
        if time.monotonic() > deadline:
            raise StepFailed("docker", "Docker Engine was started and does not answer", kind="configuration")
        time.sleep(0.2)


def install_compose(program: bytes) -> None:
    """Put the Compose plugin that came with the request where every Docker client finds it."""
    PLUGIN.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    fresh = PLUGIN.with_name(".docker-compose.new")
    fresh.write_bytes(program)
    fresh.chmod(0o755)
    fresh.replace(PLUGIN)
    for folder in (PLUGIN.parent, PLUGIN.parent.parent):
        folder.chmod(0o755)


def registry_certificate(registry: str) -> str:
    """Return the certificate that Docker trusts for a registry on this host, or an empty text."""
    try:
        return (CERTIFICATES / registry / "ca.crt").read_text()
    except OSError:
        return ""


def trust_registry(registry: str, certificate: str) -> None:
    """Let Docker trust a private registry; takes effect with the next pull, without a restart."""
    folder = CERTIFICATES / registry
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    (folder / "ca.crt").write_text(certificate)


def prepare(request: dict[str, object], payload: bytes, emit: Callable[..., None]) -> dict[str, object]:
    """Do what the plan found missing: engine, plugin, packages, certificates. Returns the engine's version."""
    os.umask(0o022)  # packages, the plugin and certificates are for everybody on the host; this process ends here
    if request.get("engine"):
        install_engine(emit)
    if payload:
        emit(event="progress", text="install Docker Compose")
        install_compose(payload)
    packages = request.get("packages")
    if isinstance(packages, list) and packages:
        install_packages(packages, emit)
    certificates = request.get("certificates")
    if isinstance(certificates, dict):
        for registry, certificate in certificates.items():
            trust_registry(registry, base64.b64decode(certificate).decode())
    return {"engine": engine.version()}
