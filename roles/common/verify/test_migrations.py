"""Both migration ledgers are complete; the migration program's exit code proves nothing."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.transport.conversation import AgentError
from gateway.verify.checks import check
from gateway.verify.target import Target

STORES: Mapping[str, str] = {"postgres": "PostgreSQL's ledger", "clickhouse": "ClickHouse's ledger"}


def migrates(target: Target) -> bool:
    return target.has_release and bool(target.release.manifest["migrations"])


@check("the ledger of {store} shows every migration", when=migrates, store=lambda _: STORES)
def test_ledger(target: Target, store: str) -> None:
    try:
        missing = target.missing_migrations[store]
    except AgentError as error:
        raise AssertionError(f"{target.name}: {STORES[store]} cannot be read: {error.message}") from None
    assert not missing, (
        f"{target.name}: {STORES[store]} lacks {len(missing)} migrations of the release, the first is {missing[0]}"
    )


@check("the release names the migrations of {store}", when=migrates, store=lambda _: STORES)
def test_known(target: Target, store: str) -> None:
    files = target.release.manifest["migrations"][store]["files"]
    assert files, f"{target.name}: the release names no migration of {store}: nothing can be proved"
