"""Putting what a volume holds aside, so that it can be put back whenever the work was cut off.

The folder beside it says by one rename how far that is: `moving` holds a part of the data, the rest is
still in the volume; `content` holds all of it, and what the volume holds by now is new; `given-up` holds
what nobody wants back. Of several volumes that belong together the first `given-up` counts for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import volumes
from .store import Store, write_private

VOLUMES = {"db": "postgres", "clickhouse": "clickhouse", "object-store": "object-store"}  # by the store's service
BEFORE_RESTORE = "before-restore"
_MOVING, _CONTENT, _GIVEN_UP = "moving", "content", "given-up"


def clear(beside: Path) -> None:
    """Remove what was given up at an earlier time: it must not count for what is put there next."""
    if (beside / _GIVEN_UP).is_dir():
        import shutil  # noqa: PLC0415 - a look at a host does not need it, and it brings ways of compression

        shutil.rmtree(beside / _GIVEN_UP)


def put(live: Path | None, beside: Path) -> None:
    """Move what the volume at `live` holds to `beside`; None stands for a volume that is not there.

    Raises OSError with everything back in its place.
    """
    moving = beside / _MOVING
    moving.mkdir()
    if live is not None:
        volumes.move_content(live, moving)
    moving.rename(beside / _CONTENT)


def is_pending(beside: Path | None) -> bool:
    """Tell whether there is something to put back."""
    return beside is not None and ((beside / _MOVING).is_dir() or (beside / _CONTENT).is_dir())


def are_wanted_back(besides: Sequence[Path | None]) -> bool:
    """Tell of volumes that belong together whether some of them are to be put back, and none was given up.

    The first that was given up says that what the volumes hold by now is final, however far the rest came.
    """
    given_up = any(beside is not None and (beside / _GIVEN_UP).is_dir() for beside in besides)
    return not given_up and any(is_pending(beside) for beside in besides)


def begin(store: Store) -> None:
    """Note that a restore puts data aside from here on: where Docker is down, nobody can look at its volumes."""
    write_private(store.state / BEFORE_RESTORE, b"")


def end(store: Store) -> None:
    """Say that nothing is aside that anybody wants back."""
    (store.state / BEFORE_RESTORE).unlink(missing_ok=True)


def is_cut_off(store: Store, project: str, engine_answers: bool) -> bool:
    """Tell whether a restore ended half-way here, with the old data still put aside.

    Without an engine one that was begun and did not end counts, although the power may have gone before its first move.
    """
    if not engine_answers:
        return (store.state / BEFORE_RESTORE).exists()
    return are_wanted_back([volumes.folder(f"{project}-{name}-{BEFORE_RESTORE}") for name in VOLUMES.values()])


def put_back(live: Path, beside: Path) -> None:
    """Put back what was moved, in the place of what the volume holds by now. May be cut off and done again."""
    moving, content = beside / _MOVING, beside / _CONTENT
    if content.is_dir():
        volumes.empty(live)
        content.rename(moving)  # from here on the volume holds nothing but what belongs to it
    volumes.move_content(moving, live)
    moving.rmdir()


def give_up(beside: Path) -> None:
    """Say that nobody will want it back."""
    if (beside / _CONTENT).is_dir():
        (beside / _CONTENT).rename(beside / _GIVEN_UP)
