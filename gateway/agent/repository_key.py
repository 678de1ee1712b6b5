"""The repository follows `backup_password`: the password that opened it last is kept here until it is replaced.

Its address is kept, too: where a repository was, none is made anew, or sets would go unseen onto the disk below a
folder whose own disk is not mounted.
"""

from __future__ import annotations

from . import restic
from .backup_settings import Settings
from .failure import StepFailed
from .store import Store, write_private


def open_for_a_set(store: Store, settings: Settings) -> None:
    """Open the repository, make it on first use, and give it the release's password if it has the one before.

    Raises StepFailed, of kind `configuration` when neither password opens it, or it was there and is gone.
    """
    kept, place = store.state / "backup" / "password", store.state / "backup" / "repository"
    known = place.is_file() and place.read_text() == settings.repository
    if known and restic.is_gone(settings):
        message = (
            f"the repository that was in {settings.repository} is gone: is its disk mounted? To begin a new one there,"
            f" remove {place} on this host"
        )
        raise StepFailed("repository", message, kind="configuration")
    try:
        restic.open_repository(settings, create=True)
    except restic.WrongPassword:
        if not kept.is_file():
            raise
        before = settings._replace(environment={**settings.environment, restic.PASSWORD: kept.read_text()})
        restic.change_password(before, settings.environment[restic.PASSWORD])
    if not kept.is_file() or kept.read_text() != settings.environment[restic.PASSWORD]:
        write_private(kept, settings.environment[restic.PASSWORD].encode())
    if not known:
        write_private(place, settings.repository.encode())


def opens(settings: Settings, password: str) -> bool:
    """Tell whether a password opens the repository. Raises StepFailed when there is none, or it does not answer."""
    tried = settings._replace(environment={**settings.environment, restic.PASSWORD: password})
    try:
        restic.open_repository(tried, create=False)
    except restic.WrongPassword:
        return False
    return True
