"""What is in the repository, and what every set gets of the controller's: the encrypted secrets file."""

from __future__ import annotations

from typing import Any

from . import backup_settings, restic
from .backup import SECRETS
from .store import Store, write_private


def listed(store: Store, elsewhere: dict[str, Any] | None) -> dict[str, Any]:
    """Return the repository's address and its sets, oldest first. Raises StepFailed."""
    settings = backup_settings.load(store, elsewhere)
    restic.open_repository(settings, create=False)
    return {"repository": settings.repository, "sets": restic.sets(settings)}


def keep_secrets(store: Store, text: bytes) -> None:
    """Put the secrets file, which is encrypted to the operators, where the next set finds it."""
    target = store.state / SECRETS
    if not target.is_file() or target.read_bytes() != text:
        write_private(target, text)
