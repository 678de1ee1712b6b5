"""The newest proven set, and the newest drill that went well, are not too old."""

from __future__ import annotations

from gateway.verify.checks import check
from gateway.verify.target import Target


def has_sets(target: Target) -> bool:
    """Tell whether a backup was ever tried here, and no deploy waits for the answer: it could not mend it."""
    return target.has_release and target.deploying is None and bool(target.snapshot["backups"]["log"])


def has_good_set(target: Target) -> bool:
    return has_sets(target) and bool(target.snapshot["backups"]["log"]["backup"])


@check("the newest proven backup is young enough", when=has_sets)
def test_backup_age(target: Target) -> None:
    log, limit = target.snapshot["backups"]["log"], target.settings.variables.backup.max_age_hours
    failed = f"; the last one failed: {log['failed_backup']['cause']}" if log["failed_backup"] else ""
    assert log["backup"], f"{target.name}: there is no proven backup{failed}"
    hours = log["backup"]["age"] / 3600
    assert hours <= limit, (
        f"{target.name}: the newest proven backup is {hours:.0f} hours old, backup.max_age_hours is {limit:g}{failed}"
    )


@check("the last good drill is young enough", when=has_good_set)
def test_drill_age(target: Target) -> None:
    log, limit = target.snapshot["backups"]["log"], target.settings.variables.backup.max_drill_age_days
    assert not log["failed_drill"], f"{target.name}: the last drill failed: {log['failed_drill']['cause']}"
    if log["drill"]:
        days = log["drill"]["age"] / 86_400
        assert days <= limit, (
            f"{target.name}: the last good drill is {days:.0f} days old, backup.max_drill_age_days is {limit:g}"
        )
