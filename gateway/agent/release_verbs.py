"""The part of the agent's conversation that is about releases: they come, run, go, and are written down."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .channel import Emit
from .failure import StepFailed
from .later import later, load
from .store import Store, marks

if TYPE_CHECKING:
    from . import boot, engine, guard, pruning, schedule, stage, switch
else:
    boot, engine, guard, pruning, schedule, stage, switch = later("boot engine guard pruning schedule stage switch")

Request = dict[str, Any]
Result = dict[str, Any]

CHANGING = frozenset(["stage", "pull", "switch", "retire", "prune", "remove_images"])
VERBS = CHANGING | {"manifest", "resolve", "record", "prunable"}


class ReleaseVerbs:
    """Verbs of a Session, which gives them its store and its `detached`."""

    store: Store
    detached: Callable[[Callable[[Emit], Result]], Result]

    def manifest(self, request: Request, payload: bytes) -> Result:
        """Return an older release's manifest, which of its images are gone from this host, and its secrets' marks.

        A mark is what `Secret.fingerprint` with the same key gives.
        """
        manifest = self.store.manifest(request["release"])
        images = {service["image"] for service in manifest["services"]}
        return {
            "manifest": manifest,
            "missing_images": sorted(i for i in images if not engine.has_image(i)),
            "marks": marks(self.store.environment(request["release"]), bytes.fromhex(request["key"])),
        }

    def stage(self, request: Request, payload: bytes) -> Result:
        """See `stage.stage`."""
        return stage.stage(self.store, request["release"], payload, request["sha256"])

    def pull(self, request: Request, payload: bytes) -> Result:
        """See `stage.pull`; what was not here before is noted as this environment's own."""

        def work(emit: Emit) -> Result:
            """Note first: a pull that is cut off may have brought some."""
            pruning.note_pulled(self.store, [name for name in request["images"] if not engine.has_image(name)])
            return stage.pull(request["images"], emit)

        load(engine, pruning, stage)
        return self.detached(work)

    def resolve(self, request: Request, payload: bytes) -> Result:
        """See `stage.resolve`."""
        return {"digests": stage.resolve(request["images"])}

    def switch(self, request: Request, payload: bytes) -> Result:
        """See `switch.switch`; a host that runs a release also brings it back after a boot.

        The hook comes first: if it cannot be written, nothing was switched, and the host says so.
        """

        def work(emit: Emit) -> Result:
            """Switch, with the hook in place; take it away again if no release is left to bring back."""
            boot.install(request["project"])
            try:
                result = switch.switch(self.store, request, emit)
            except StepFailed:
                with contextlib.suppress(StepFailed, OSError):  # `status` tells, and the next deploy puts it right
                    guard.settle(self.store, request["project"])
                raise
            finally:
                if self.store.current() is None:
                    boot.remove(request["project"])
            schedule.renew(self.store, request["project"], emit)
            return result

        load(boot, guard, schedule, switch)
        return self.detached(work)

    def retire(self, request: Request, payload: bytes) -> Result:
        """See `switch.retire`."""

        def work(emit: Emit) -> Result:
            """Take the hook away, then the environment, then what guards it."""
            boot.remove(request["project"])
            schedule.remove(request["project"])
            outcome = switch.retire(self.store, request["project"], emit)
            guard.clear(self.store, request["project"])
            return outcome

        return self.detached(work)

    def record(self, request: Request, payload: bytes) -> Result:
        """Write a line of history."""
        self.store.append("history", **request["entry"])
        return {}

    def prunable(self, request: Request, payload: bytes) -> Result:
        """Return what `prune` and `remove_images` would remove."""
        gone = pruning.old_releases(self.store, request["keep"], request["protected"])
        return {"releases": gone, "images": pruning.unused_images(self.store, gone)}

    def prune(self, request: Request, payload: bytes) -> Result:
        """Remove releases that are neither current nor among the `keep` newest; returns what went."""
        return {"removed": pruning.remove_releases(self.store, request["keep"], request["protected"])}

    def remove_images(self, request: Request, payload: bytes) -> Result:
        """See `pruning.remove_images`."""
        return {"removed": pruning.remove_images(self.store, request["images"])}
