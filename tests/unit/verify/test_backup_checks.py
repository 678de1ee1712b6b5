"""What the checks of a data host say about sets and drills that are too old, and when they keep quiet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.verify.checks import check_of
from roles.data.verify import test_backups as backups

HOUR, DAY = 3600.0, 86_400.0


def entry(age: float, cause: str = "") -> dict[str, Any]:
    return {"age": age, "set": "1", "cause": cause}


def target(log: dict[str, Any] | None, deploying: float | None = None) -> Any:
    """Return what the checks use of a target."""
    variables = SimpleNamespace(backup=SimpleNamespace(max_age_hours=26.0, max_drill_age_days=15.0))
    known = None if log is None else {"backup": None, "drill": None, "failed_backup": None, "failed_drill": None, **log}
    return SimpleNamespace(
        name="data1", deploying=deploying, has_release=True, snapshot={"backups": {"log": known}},
        settings=SimpleNamespace(variables=variables),
    )  # fmt: skip


def test_young_ones_pass_and_a_drill_may_be_to_come() -> None:
    well = target({"backup": entry(25 * HOUR), "drill": entry(14 * DAY)})
    backups.test_backup_age(well)
    backups.test_drill_age(well)
    backups.test_drill_age(target({"backup": entry(HOUR)}))


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ({"backup": entry(30 * HOUR)}, r"30 hours old, backup\.max_age_hours is 26"),
        (
            {"failed_backup": entry(1, "the target is full")},
            "no proven backup; the last one failed: the target is full",
        ),
        ({"backup": entry(30 * HOUR), "failed_backup": entry(1, "no")}, "is 26; the last one failed: no"),
    ],
)
def test_an_old_or_missing_set_is_told(log: dict[str, Any], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        backups.test_backup_age(target(log))


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ({"drill": entry(20 * DAY)}, "20 days old"),
        ({"drill": entry(DAY), "failed_drill": entry(1, "one row")}, "the last drill failed: one row"),
    ],
)
def test_an_old_or_failed_drill_is_told(log: dict[str, Any], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        backups.test_drill_age(target({"backup": entry(HOUR), **log}))


@pytest.mark.parametrize("check", [backups.test_backup_age, backups.test_drill_age])
def test_neither_a_first_deploy_nor_any_deploy_fails_for_it(check: Any) -> None:
    applies = check_of(check).applies
    assert not applies(target(None))
    assert not applies(target({"backup": entry(99 * DAY), "drill": entry(99 * DAY)}, deploying=1.0))
    assert applies(target({"backup": entry(99 * DAY)}))
