"""The part of the agent's conversation that is about backups."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .channel import Emit
from .later import later
from .store import Store

if TYPE_CHECKING:
    from . import backup, backup_settings, drill, halting, repository_key, restoration, sets, standing_still, upgrading
else:
    backup, backup_settings, drill, halting, repository_key, restoration, sets, standing_still, upgrading = later(
        "backup backup_settings drill halting repository_key restoration sets standing_still upgrading"
    )

Request = dict[str, Any]
Result = dict[str, Any]

CHANGING = frozenset([
    "keep_secrets", "open_repository", "backup", "drill", "restore", "halt", "resume", "begin_upgrade", "end_upgrade",
    "tell_recorder",
])  # fmt: skip
VERBS = CHANGING | {"sets", "look_at_set", "opens_repository"}


class BackupVerbs:
    """Verbs of a Session; it gives them its store, and work that outlives the connection."""

    store: Store
    detached: Callable[[Callable[[Emit], Result]], Result]

    def sets(self, request: Request, payload: bytes) -> Result:
        """See `sets.listed`."""
        return sets.listed(self.store, request["elsewhere"])

    def look_at_set(self, request: Request, payload: bytes) -> Result:
        """See `restoration.look`."""
        return restoration.look(self.store, request["set"], request["elsewhere"])

    def keep_secrets(self, request: Request, payload: bytes) -> Result:
        """See `sets.keep_secrets`."""
        sets.keep_secrets(self.store, payload)
        return {}

    def open_repository(self, request: Request, payload: bytes) -> Result:
        """See `repository_key.open_for_a_set`: what a backup begins with, and what mostly is in its way."""

        def work(_: Emit) -> Result:
            """Open it, which a place that does not answer may draw out."""
            (self.store.state / "backup").mkdir(exist_ok=True)
            repository_key.open_for_a_set(self.store, backup_settings.load(self.store))
            return {}

        return self.detached(work)

    def opens_repository(self, request: Request, payload: bytes) -> Result:
        """See `repository_key.opens`."""
        return {"accepted": repository_key.opens(backup_settings.load(self.store), request["password"])}

    def backup(self, request: Request, payload: bytes) -> Result:
        """See `backup.take`."""
        return self.detached(lambda emit: backup.take(self.store, request["by"], emit))

    def drill(self, request: Request, payload: bytes) -> Result:
        """See `drill.drill`."""
        return self.detached(lambda emit: drill.drill(self.store, request["set"], request["by"], emit))

    def restore(self, request: Request, payload: bytes) -> Result:
        """See `restoration.restore`."""
        return self.detached(lambda emit: restoration.restore(self.store, request, emit))

    def halt(self, request: Request, payload: bytes) -> Result:
        """See `halting.halt`; with a reason, that is what they stand still for until the stores are whole."""
        if request.get("reason"):
            standing_still.note(self.store, request["reason"])
        return self.detached(lambda _: halting.halt(request["project"], request["services"]))

    def resume(self, request: Request, payload: bytes) -> Result:
        """See `halting.resume`; asked for when the stores are whole."""
        standing_still.clear(self.store)
        return self.detached(lambda emit: halting.resume(self.store, request["project"], request["services"], emit))

    def begin_upgrade(self, request: Request, payload: bytes) -> Result:
        """See `upgrading.begin`."""
        upgrading.begin(self.store, request["entry"])
        return {}

    def end_upgrade(self, request: Request, payload: bytes) -> Result:
        """See `upgrading.end`."""
        upgrading.end(self.store)
        return {}

    def tell_recorder(self, request: Request, payload: bytes) -> Result:
        """See `upgrading.tell_recorder`."""
        return self.detached(lambda _: upgrading.tell_recorder(request["project"], request["word"]))
