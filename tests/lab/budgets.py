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


MARK = "jawn.environment.LAB_MARK=one"
PLAN = Budget("plan", (), 1, 1, 2, "open, look")
NO_CHANGES = Budget("deploy", ("--yes",), 1, 1, 2, "nothing changed: open, look")
ONE_VARIABLE = Budget(
    "deploy", ("--yes", "--set", MARK), 1, 1, 20, "one variable: look twice, lease, upload, switch, verify, record"
)
ROLLBACK = Budget("rollback", ("--yes",), 1, 1, 18, "as a deploy, without an upload")
VERIFY = Budget(
    "verify", (), 1, 1, 12, "open, look, all commands, all questions, the ledgers, the traced requests' rows"
)
READING = (
    Budget("status", (), 1, 1, 2, "open, look"),
    Budget("history", (), 1, 1, 2, "open, look"),
    Budget("drift", (), 1, 1, 2, "open, look"),
    Budget("unlock", (), 1, 1, 2, "open, look"),
    Budget("logs", ("--lines", "20"), 1, 1, 3, "open, look, read"),
    Budget("exec", ("jawn", "--host", "app1", "--command", "true"), 1, 1, 3, "open, look, run"),
    Budget("edge.authority", (), 1, 1, 2, "open, look"),
    Budget("prune", (), 1, 1, 3, "open, look, ask what would go"),
    Budget("backups", (), 1, 1, 2, "open, ask the repository"),
    Budget("apikey.list", (), 1, 1, 3, "open, ask both stores"),
    Budget("user.list", (), 1, 1, 2, "open, ask PostgreSQL"),
    Budget("usage", (), 1, 1, 3, "open, ask both stores"),
    Budget("doctor", (), 1, 1, 4, "open, look, examine"),
)
CHANGING = (
    Budget("apikey.create", ("--name", "counted"), 1, 1, 3, "open, ask both stores"),
    Budget("apikey.revoke", ("--key", "counted", "--yes"), 1, 1, 3, "open, ask both stores"),
    Budget("user.create", (), 1, 1, 3, "open, ask PostgreSQL; web signs up"),
    Budget("images.lock", (), 1, 1, 3, "open, look, ask the registry"),
)
CHANGING_LONG = (
    Budget("backup", (), 1, 1, 4, "open, look, lease, back up"),
    Budget("drill", (), 1, 1, 3, "open, lease, restore aside"),
    Budget("restore", ("--yes",), 1, 1, 16, "look, lease, back up, stop, put in place, start, verify"),
    Budget(
        "secrets.rotate", ("--name", "postgres_password", "--yes"), 1, 1, 22,
        "as a deploy; then shut out and see refused what was before",
    ),
    Budget("halt", ("--service", "jawn", "--yes"), 1, 1, 4, "open, look, lease, stop"),
)  # fmt: skip
BUDGETS = (PLAN, NO_CHANGES, ONE_VARIABLE, ROLLBACK, VERIFY, *READING, *CHANGING, *CHANGING_LONG)


def row(budget: Budget) -> str:
    """Return a budget as docs/performance-commands.md shows it."""
    typed = " ".join([budget.command, *budget.words])
    numbers = f"{budget.connections} | {budget.execs} | {budget.round_trips}"
    return f"| `invoke {typed}` | {numbers} | {budget.what} |"
