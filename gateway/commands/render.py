"""`invoke render`: every host's files in a folder, without asking any host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.commands.project import Project
from gateway.console import say
from gateway.errors import ConfigurationError


def render(project: Project, out: Path, as_json: bool) -> dict[str, Any]:
    """Write the files of the selected hosts to `out/<host>/` with the modes that they have on a host.

    `.env` holds secrets and is 0600. Raises ConfigurationError when `out` holds something else already.
    """
    marker = out / ".rendered"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise ConfigurationError(
            "the folder is not empty and was not made by `invoke render`", where=str(out),
            unaffected="its files", next_step="name a new folder with --out",
        )  # fmt: skip
    written = []
    for name in project.inventory.selected:
        for path, file in sorted(project.rendered[name].files.items()):
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
