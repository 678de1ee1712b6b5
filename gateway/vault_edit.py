"""Editing the secrets in an editor, without their text ever touching a disk.

An editor needs a file, and it leaves backups and swap files beside it. So the text goes into a
folder with mode 0700 in a file system that lives in memory (XDG_RUNTIME_DIR or /dev/shm), and the
folder is removed afterwards with all that is in it. Without such a file system editing is refused.
A pipe or an anonymous file would not do: editors save by renaming, and would put their swap files
somewhere on the disk.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.age_identity import UNCHANGED
from gateway.errors import ConfigurationError
from gateway.private_file import shown_path
from gateway.vault import Vault, create_missing, ensure_vault, open_vault, save_vault
from gateway.vault_text import secrets_to_text, text_to_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_IN_MEMORY = {"tmpfs", "ramfs"}


def edit_vault(
    path: Path,
    identity: Path,
    recipients: Sequence[str] = (),
    *,
    environment: Mapping[str, str] = os.environ,
    again: Callable[[ConfigurationError], bool] = lambda _: False,
) -> list[str]:
    """Open the vault at `path` in the operator's editor, save it, and return the names that changed.

    The editor is $VISUAL, else $EDITOR of `environment`, else vi. A vault that does not exist is
    made first. Text that is not valid is not saved: `again` is shown the error and says whether to
    go back to the editor; if not, the error is raised. Nothing is written when nothing changed. What
    another command saved while the editor was open stays; for the same secret it is an error.
    """
    vault, _ = ensure_vault(path, identity, recipients)
    command = _editor(environment)
    with _folder_in_memory(environment) as folder:
        file = folder / "secrets.yml"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(secrets_to_text(vault.values))
        while True:
            _run_editor(command, file)
            try:
                edited = _read(file, shown_path(path))
                break
            except ConfigurationError as error:
                if not again(error):
                    raise
    complete, _ = create_missing(edited)
    changed = [name for name, value in complete.values.items() if vault.values.get(name) != value]
    if changed:
        saved = open_vault(path, identity)
        both = [name for name in changed if saved.values.get(name) != vault.values.get(name)]
        if both:
            raise ConfigurationError(
                f"another command saved new values of {', '.join(both)} while the editor was open",
                where=shown_path(path), unaffected=UNCHANGED, next_step="edit again: the editor shows them",
            )  # fmt: skip
        made = saved.changed({name: complete[name] for name in changed}, datetime.now(UTC))
        save_vault(path, made, identity, recipients)
    return changed


def describe_edit(path: Path, changed: Sequence[str]) -> str:
    """Return the sentence that says what `edit_vault` has changed in the vault at `path`."""
    if not changed:
        return "nothing was changed"
    return f"saved; changed: {', '.join(changed)}. Put {shown_path(path)} under version control."


def _read(file: Path, shown: str) -> Vault:
    """Return the vault that the operator has written."""
    try:
        return Vault(text_to_secrets(file.read_text(encoding="utf-8"), shown))
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            "the edited text is gone or not UTF-8", where=shown, unaffected=UNCHANGED,
            next_step="edit again, and let the editor save the file as UTF-8",
        ) from None  # fmt: skip


def _editor(environment: Mapping[str, str]) -> list[str]:
    """Return the operator's editor as a command, resolved on the PATH."""
    text = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        command = shlex.split(text)
    except ValueError:
        command = []
    if not command or shutil.which(command[0]) is None:
        raise ConfigurationError(
            f"there is no editor `{text}`",
            where="$EDITOR",
            unaffected=UNCHANGED,
            next_step="EDITOR=nano invoke secrets.edit --env ENVIRONMENT",
        )
    return command


def _run_editor(command: Sequence[str], file: Path) -> None:
    """Open `file` in the editor and wait; raise ConfigurationError if it fails."""
    result = subprocess.run([*command, str(file)], check=False)
    if result.returncode:
        raise ConfigurationError(
            f"the editor ended with exit code {result.returncode}",
            where=command[0],
            unaffected=UNCHANGED,
            next_step="set EDITOR to an editor that works in this terminal, then edit again",
        )


@contextmanager
def _folder_in_memory(environment: Mapping[str, str]) -> Iterator[Path]:
    """Give a new folder with mode 0700 that is in memory and on no disk, and remove it afterwards."""
    candidates = [environment.get("XDG_RUNTIME_DIR", ""), "/dev/shm"]  # noqa: S108  # memory, and a 0700 folder in it
    base = next((place for place in candidates if place and _usable(Path(place))), None)
    if base is None:
        raise ConfigurationError(
            "there is no file system in memory to edit the secrets in",
            where="/dev/shm",  # noqa: S108
            unaffected=UNCHANGED,
            next_step="edit on a machine with /dev/shm, or decrypt, change and encrypt with the age program",
        )
    folder = Path(tempfile.mkdtemp(prefix="helicone-secrets-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _usable(place: Path) -> bool:
    """Tell whether the folder `place` can be written and is in memory."""
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK) and file_system_of(place) in _IN_MEMORY


def file_system_of(place: Path) -> str:
    """Return the type of the file system that `place` is on, from the kernel's list; empty if unknown."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        resolved = place.resolve()
    except OSError:
        return ""
    mounts = [line.split() for line in lines]
    above = [
        (len(fields[1]), index, fields[2])
        for index, fields in enumerate(mounts)
        if len(fields) > 2 and resolved.is_relative_to(fields[1])  # device, place, type
    ]
    return max(above)[2] if above else ""
