"""The repository follows `backup_password`: the password that opened it last is kept here until it is replaced."""

from __future__ import annotations

from dataclasses import replace

from . import restic
from .backup_settings import Settings
from .store import Store, write_private


def open_for_a_set(store: Store, settings: Settings) -> None:
    """Open the repository, make it on first use, and give it the release's password if it has the one before.

    Raises StepFailed, of kind `configuration` when neither password opens it.
    """
    kept = store.state / "backup" / "password"
    try:
        restic.open_repository(settings, create=True)
    except restic.WrongPassword:
        if not kept.is_file():
            raise
        before = replace(settings, environment={**settings.environment, restic.PASSWORD: kept.read_text()})
        restic.change_password(before, settings.environment[restic.PASSWORD])
    if not kept.is_file() or kept.read_text() != settings.environment[restic.PASSWORD]:
        write_private(kept, settings.environment[restic.PASSWORD].encode())
