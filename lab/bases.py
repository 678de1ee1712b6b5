"""The two base images: Debian 12 and 13, pulled where a registry answers, else made with debootstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from gateway.errors import ConfigurationError, GatewayError
from lab.engine import docker, inspect, try_docker
from lab.layout import CONTENT_LABEL, LABEL, LOGS, PREFIX, ROOT

BASES = ("bookworm", "trixie")
RECIPE = "1"  # counts up when the way a base is made changes, so that it is made anew
PULL_TIMEOUT = 40.0
_LEFT_OUT = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def ensure_base(release: str) -> str:
    """Make `helicone-lab/<release>` unless it is there, and return how.

    A registry is tried first and briefly. Without one, debootstrap takes the release from its own
    default mirror, and the tree is imported as one layer.
    """
    image = f"{PREFIX}/{release}"
    if inspect("image", image, f'{{{{index .Config.Labels "{CONTENT_LABEL}"}}}}') == RECIPE:
        return "unchanged"
    official = f"debian:{release}-slim"
    if try_docker("pull", "--quiet", official, timeout=PULL_TIMEOUT) is not None:
        labels = ["--label", f"{LABEL}=1", "--label", f"{CONTENT_LABEL}={RECIPE}"]
        docker("build", "--tag", image, *labels, "-", feed=lambda stdin: _write_from(stdin, official))
        return f"pulled {official}"
    _debootstrap(release, image)
    return "made with debootstrap"


def _write_from(stdin: IO[bytes], official: str) -> None:
    stdin.write(f"FROM {official}\n".encode())


def _debootstrap(release: str, image: str) -> None:
    """Install the release into a directory and import it; root is needed for device nodes and owners."""
    if shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        raise ConfigurationError(
            f"neither debian:{release}-slim can be pulled nor is debootstrap installed",
            where="lab",
            next_step="apt-get install debootstrap, or let the Docker engine reach a registry",
        )
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    workspace = ROOT / ".cache"
    workspace.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{release}-", dir=workspace))
    log = LOGS / f"debootstrap-{release}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("wb") as output:
            made = subprocess.run(
                [*root, "debootstrap", "--variant=minbase", release, str(directory)],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
            )
        if made.returncode != 0:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise GatewayError(f"debootstrap {release} failed: {last}", where="lab", next_step=f"read {log}")
        _import(root, directory, image)
    finally:
        subprocess.run([*root, "rm", "-rf", str(directory)], check=False)


def _import(root: list[str], directory: Path, image: str) -> None:
    """Import a tree as an image, without package lists, manuals and translations."""
    labels = [f"--change=LABEL {LABEL}=1", f"--change=LABEL {CONTENT_LABEL}={RECIPE}", "--change=CMD bash"]
    excludes = [f"--exclude=./{path}/*" for path in _LEFT_OUT]
    packed = subprocess.Popen([*root, "tar", "-C", str(directory), *excludes, "-c", "."], stdout=subprocess.PIPE)
    if packed.stdout is None:
        raise GatewayError("tar gave no output", where="lab")
    source = packed.stdout
    docker("import", *labels, "-", image, feed=lambda stdin: shutil.copyfileobj(source, stdin))
    if packed.wait() != 0:
        raise GatewayError(f"tar could not pack {directory}", where="lab")
