"""Build contexts: which files an image is built from, and one hash over all of them."""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gateway.errors import ConfigurationError
from lab.layout import IMAGES, PREFIX, WHEELS

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARENT = re.compile(rf"^\s*(?:FROM|COPY\s+--from=)\s*{PREFIX}/([a-z0-9-]+)", re.MULTILINE | re.IGNORECASE)
_LISTS = ("wheels.txt", "binaries.txt")
_CHUNK = 1 << 20


def parents(dockerfile: str) -> tuple[str, ...]:
    """Return the lab images that a Dockerfile starts from or copies from, in order, each once."""
    return tuple(dict.fromkeys(_PARENT.findall(dockerfile)))


def requirements(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the lines of a `wheels.txt` split as a shell does, without empty lines and comments."""
    return tuple(tuple(words) for line in text.splitlines() if (words := shlex.split(line, comments=True)))


def context_files(name: str) -> dict[str, Path]:
    """Return the files of an image's context, by their path in it.

    That is lab/images/<name>, plus `wheels/*.whl` downloaded as its wheels.txt says, plus `bin/<name>`
    for each program of the virtual environment that its binaries.txt names.
    """
    directory = IMAGES / name
    if not (directory / "Dockerfile").is_file():
        raise ConfigurationError(f"the image {name} has no Dockerfile", where=str(directory))
    files = {
        path.relative_to(directory).as_posix(): path
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.name not in _LISTS
    }
    files |= {f"wheels/{wheel.name}": wheel for wheel in _wheels(name, directory / "wheels.txt")}
    files |= {f"bin/{program.name}": program for program in _binaries(directory / "binaries.txt")}
    return files


def content_hash(files: Mapping[str, Path], inherited: Mapping[str, str]) -> str:
    """Return one hash over paths, executable bits and contents, and over the hashes of the parent images.

    A wheel counts by its name and size: its name holds its version, and hashing 180 MB on every warm
    start would cost more than all other checks together.
    """
    digest = hashlib.sha256()
    for path, file in sorted(files.items()):
        status = file.stat()
        digest.update(f"{path}\0{bool(status.st_mode & 0o100)}\0{status.st_size}\0".encode())
        if not path.startswith("wheels/"):
            digest.update(_file_digest(file))
    for parent, parent_hash in sorted(inherited.items()):
        digest.update(f"{parent}\0{parent_hash}\0".encode())
    return digest.hexdigest()


def write_context(files: Mapping[str, Path], stream: IO[bytes]) -> None:
    """Write the context as a tar archive with fixed owners and times, so that layers are cached."""
    with tarfile.open(fileobj=stream, mode="w|", bufsize=_CHUNK) as archive:
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size = file.stat().st_size
            entry.mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
            with file.open("rb") as content:
                archive.addfile(entry, content)


def _wheels(name: str, listing: Path) -> list[Path]:
    """Download what a wheels.txt lists into the cache, once for each content of that file."""
    if not listing.is_file():
        return []
    text = listing.read_text()
    cache = WHEELS / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    complete = cache / ".complete"
    if not complete.exists():
        cache.mkdir(parents=True, exist_ok=True)
        for words in requirements(text):
            _download(words, cache, listing)
        complete.touch()
    return sorted(cache.glob("*.whl"))


def _download(words: tuple[str, ...], cache: Path, listing: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--only-binary",
        ":all:",
        "--dest",
        str(cache),
    ]
    answer = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ConfigurationError(
            f"pip cannot download {words[0]}: {answer.stderr.strip().splitlines()[-1:]}", where=str(listing)
        )


def _binaries(listing: Path) -> list[Path]:
    """Return the programs beside this interpreter that a binaries.txt names."""
    if not listing.is_file():
        return []
    programs = [Path(sys.executable).parent / words[0] for words in requirements(listing.read_text())]
    for program in programs:
        if not program.is_file():
            raise ConfigurationError(
                f"{program.name} is not in the virtual environment",
                where=str(listing),
                next_step="bash bootstrap.sh installs the lab's programs",
            )
    return programs


def _file_digest(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
