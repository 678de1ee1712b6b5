"""`invoke render`: every host's files in a folder, without asking any host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.commands.images import undigested
from gateway.commands.project import Project
from gateway.console import say
from gateway.errors import ConfigurationError
from gateway.images import load_lock
from gateway.private_file import cannot_write, need_writable
from gateway.render import RenderedHost, render_environment
from gateway.wording import printable

MARKER = ".rendered"  # tells that a folder was made by this verb
NO_DIGEST = "sha256:" + "0" * 64


def render(project: Project, out: Path, as_json: bool) -> dict[str, Any]:
    """Write the files of the selected hosts to `out/<host>/` with the modes that they have on a host.

    `.env` holds secrets and is 0600. An image that is in no lock yet gets a digest that cannot be
    pulled, and a warning: a rendering can be looked at before any registry was asked. Raises
    ConfigurationError when `out` holds something else already.
    """
    _need_folder(out)
    lock = load_lock(project.inventory.path / "images.lock.yml")
    missing = [reference for reference in undigested(project.inventory) if reference not in lock]
    rendered = render_environment(
        project.inventory, project.vault, project.upstream, {**dict.fromkeys(missing, NO_DIGEST), **lock}
    )
    if missing:
        project.reporter.line(
            "",
            f"{len(missing)} images have no digest yet and are rendered with one of zeros, which no registry serves;"
            f" before a deploy: invoke images.lock --env {project.inventory.environment}",
            "yellow",
        )
    written = _write(out, {name: rendered[name] for name in project.inventory.selected})
    if not as_json:
        for path in written:
            say(path)
    return {"environment": project.inventory.environment, "files": written}


def _need_folder(out: Path) -> None:
    """Raise ConfigurationError unless files can be written to `out`, and it is empty or was made by this verb."""
    try:
        foreign = out.exists() and any(out.iterdir()) and not (out / MARKER).exists()
    except (OSError, ValueError) as error:
        raise cannot_write(out, error) from None
    if foreign:
        raise ConfigurationError(
            "the folder is not empty and was not made by `invoke render`", where=printable(str(out)),
            unaffected="its files", next_step="name a new folder with --out",
        )  # fmt: skip
    need_writable(out / MARKER)


def _write(out: Path, rendered: Mapping[str, RenderedHost]) -> list[str]:
    """Write the files of hosts with their modes and return their paths. Raises ConfigurationError."""
    written = []
    try:
        for name, host in rendered.items():
            for path, file in sorted(host.files.items()):
                target = out / name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                target.touch(mode=file.mode)
                target.chmod(file.mode)
                target.write_bytes(file.content)
                written.append(str(target))
        (out / MARKER).write_text("made by invoke render; may be overwritten by it\n")
    except OSError as error:
        raise cannot_write(out, error) from None
    return written
