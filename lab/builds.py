"""Building the lab's images, each only when something that it is made of has changed."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from lab.bases import BASES, RECIPE, ensure_base
from lab.contexts import content_hash, context_files, parents, write_context
from lab.engine import docker, inspect
from lab.layout import CONTENT_LABEL, IMAGES, LABEL, LOGS, PREFIX
from lab.progress import Job

if TYPE_CHECKING:
    from collections.abc import Sequence


class Builder:
    """Builds images and remembers their content hashes, because a child's hash holds its parents'."""

    def __init__(self) -> None:
        self._hashes = dict.fromkeys(BASES, RECIPE)
        self._lock = threading.Lock()

    def jobs(self, names: Sequence[str]) -> list[Job]:
        """Return the jobs that make both base images and the named ones, in the order of their FROM lines.

        Raises ConfigurationError when a source is missing or a parent is not among the names.
        """
        missing = [name for name in names if not (IMAGES / name / "Dockerfile").is_file()]
        if missing:
            raise ConfigurationError(f"images without a Dockerfile: {', '.join(missing)}", where=str(IMAGES))
        jobs = [Job(job_name(base), partial(ensure_base, base)) for base in BASES]
        for name in names:
            above = parents((IMAGES / name / "Dockerfile").read_text())
            unknown = [parent for parent in above if parent not in (*BASES, *names)]
            if unknown:
                raise ConfigurationError(
                    f"the image {name} starts from {', '.join(unknown)}, which the lab does not build",
                    where=str(IMAGES / name / "Dockerfile"),
                )
            after = tuple(job_name(parent) for parent in above)
            jobs.append(Job(job_name(name), partial(self._build, name, above), after))
        return jobs

    def _build(self, name: str, above: Sequence[str]) -> str:
        """Build one image unless the image of that name was built from the same content."""
        files = context_files(name)
        with self._lock:
            content = content_hash(files, {parent: self._hashes[parent] for parent in above})
            self._hashes[name] = content
        image = f"{PREFIX}/{name}"
        if inspect("image", image, f'{{{{index .Config.Labels "{CONTENT_LABEL}"}}}}') == content:
            return "unchanged"
        LOGS.mkdir(parents=True, exist_ok=True)
        labels = ["--label", f"{LABEL}=1", "--label", f"{CONTENT_LABEL}={content}"]
        docker(
            *("build", "--force-rm", "--tag", image, *labels, "-"),
            feed=lambda stdin: write_context(files, stdin),
            log=LOGS / f"build-{name}.log",
        )
        return "built"


def job_name(image: str) -> str:
    """Return the name of the job that makes an image, for jobs that come after it."""
    return f"image {image}"
