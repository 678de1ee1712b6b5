"""Writing files whole or not at all; nobody else may read them unless it is said."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.wording import printable

_LONGEST_PATH = 300  # characters: one that is cut cannot be pasted


def write_private(path: Path, content: bytes, *, replace: bool = True, mode: int = 0o600) -> bool:
    """Write `content` to `path` with that mode, by a rename after fsync, and return True.

    A missing folder is made with mode 0700. Without `replace` a file that is there already, or that
    somebody else makes in the same moment, is left alone, and False is returned. Raises
    ConfigurationError if the file cannot be written; then `path` is as it was.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        staged = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        try:
            _write_through(staged, content, mode)
            return _put_in_place(staged, path, replace=replace)
        finally:
            staged.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from None


def need_writable(path: Path) -> None:
    """Raise ConfigurationError unless `write_private` can write the file `path`; nothing is left behind.

    Where its folder is missing, and would be made, the nearest that exists is tried.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = next(one for one in path.absolute().parents if one.exists())
        staged = folder / f".{path.name}.{secrets.token_hex(6)}"
        try:
            _write_through(staged, b"", 0o600)
        finally:
            staged.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError | ValueError) -> ConfigurationError:
    """Return the error for a file that cannot be written; a ValueError is a name that no file can have."""
    cause = (error.strerror or "error") if isinstance(error, OSError) else "no file can have this name"
    return ConfigurationError(
        f"the file cannot be written: {cause[:1].lower()}{cause[1:]}",
        where=printable(shown_path(path), _LONGEST_PATH),
        unaffected="nothing was changed",
        next_step="see that you may write there, and that the disk is not full:"
        f" ls -ld {printable(shown_path(path.parent), _LONGEST_PATH)}",
    )


@contextmanager
def own_files() -> Iterator[None]:
    """Turn what a file or folder of this machine refuses, while hosts are not asked yet, into a ConfigurationError."""
    try:
        yield
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        shown = printable(shown_path(Path(os.fsdecode(error.filename))), _LONGEST_PATH)
        raise ConfigurationError(
            f"it cannot be used: {error.strerror.lower()}", where=shown,
            next_step=f"see whose it is, and that you may read and write there: ls -ld {shown}",
        ) from None  # fmt: skip


def home_path(text: str, where: str) -> Path:
    """Return the path that somebody wrote, `~` being a home folder. Raises ConfigurationError where there is none."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigurationError(
            f"the home folder in `{printable(text)}` is unknown", where=where, next_step="give an absolute path"
        ) from None


def shown_path(path: Path) -> str:
    """Return `path` as an operator would write it: relative to the current folder if it is below it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _write_through(path: Path, content: bytes, mode: int) -> None:
    """Make the new file `path` with that mode and see `content` onto the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask is
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _put_in_place(staged: Path, path: Path, *, replace: bool) -> bool:
    """Give the file `staged` its name `path`, and see the folder onto the disk."""
    if replace:
        staged.replace(path)
    else:
        try:
            os.link(staged, path)  # a rename would overwrite; a link fails if the name is taken
        except FileExistsError:
            return False
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
