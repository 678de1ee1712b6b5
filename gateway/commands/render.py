"""`invoke render`: every host's files in a folder, without asking any host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.commands.images import undigested
from gateway.commands.project import Project
from gateway.console import say
from gateway.errors import ConfigurationError
from gateway.images import load_lock
from gateway.render import render_environment

NO_DIGEST = "sha256:" + "0" * 64


def render(project: Project, out: Path, as_json: bool) -> dict[str, Any]:
    """Write the files of the selected hosts to `out/<host>/` with the modes that they have on a host.

    `.env` holds secrets and is 0600. An image that is in no lock yet gets a digest that cannot be
    pulled, and a warning: a rendering can be looked at before any registry was asked. Raises
    ConfigurationError when `out` holds something else already.
    """
    marker = out / ".rendered"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise ConfigurationError(
            "the folder is not empty and was not made by `invoke render`", where=str(out),
            unaffected="its files", next_step="name a new folder with --out",
        )  # fmt: skip
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
    written = []
    for name in project.inventory.selected:
        for path, file in sorted(rendered[name].files.items()):
            target = out / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.touch(mode=file.mode)
            target.chmod(file.mode)
            target.write_bytes(file.content)
            written.append(str(target))
    marker.write_text("made by invoke render; may be overwritten by it\n")
    if not as_json:
        for path in written:
            say(path)
    return {"environment": project.inventory.environment, "files": written}
