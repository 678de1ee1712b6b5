"""What a host is like at this moment, and how far its clock is off this machine's."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from gateway.transport.conversation import Conversation


def take(
    conversation: Conversation, project: str, registries: Iterable[str] = (), images: Iterable[str] = ()
) -> dict[str, Any]:
    """Return a host's snapshot, and in its `clock_off` the seconds that its clock is off at least.

    A host with a sick Docker takes its time to answer, so what its clock said is compared with both ends of
    the question: in between it is not off as far as anybody can tell. Raises what the conversation raises.
    """
    asked = time.time()
    seen: dict[str, Any] = conversation.request(
        "snapshot", project=project, registries=list(registries), images=sorted(images)
    )
    then, answered = seen["facts"]["time"], time.time()
    return {**seen, "clock_off": max(asked - then, then - answered, 0.0)}
