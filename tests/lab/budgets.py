"""What each command may cost on a host, in the numbers that do not depend on the machine; the only place for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Connections, execs and round trips on the host that is asked most; round trips are at most so many."""

    command: str
    words: tuple[str, ...]
    connections: int
    execs: int
    round_trips: int
    what: str


MARK = "jawn.environment.LAB_MARK=budget"
BUDGETS = (
    Budget("plan", (), 1, 1, 2, "open, look"),
    Budget("deploy", ("--yes",), 1, 1, 2, "no changes: open, look"),
    Budget("verify", (), 1, 1, 99, ""),
    Budget("status", (), 1, 1, 99, ""),
    Budget("history", (), 1, 1, 99, ""),
    Budget("drift", (), 1, 1, 99, ""),
    Budget("logs", ("--lines", "20"), 1, 1, 99, ""),
    Budget("unlock", (), 1, 1, 99, ""),
    Budget("backups", (), 1, 1, 99, ""),
    Budget("apikey.list", (), 1, 1, 99, ""),
    Budget("user.list", (), 1, 1, 99, ""),
    Budget("usage", (), 1, 1, 99, ""),
    Budget("prune", (), 1, 1, 99, ""),
    Budget("doctor", (), 1, 1, 99, ""),
    Budget("deploy", ("--yes", "--set", MARK), 1, 1, 99, "one variable"),
    Budget("rollback", ("--yes",), 1, 1, 99, ""),
)
