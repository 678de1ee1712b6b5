"""Runs the checks of `roles/*/verify` under pytest, in this process, as often as wanted."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.secret import REDACTED
from gateway.verify.report import Failure, VerifyReport

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory
    from gateway.transport.fleet import Conversations
    from gateway.vault import Vault
    from gateway.verify.target import Target

ROLES = Path(__file__).resolve().parents[2] / "roles"
EVERYWHERE = ("common", "docker", "firewall")
# Nothing is printed, no file but the JUnit one is written, nothing is read but the named files; a
# failed comparison is not explained with its values, which may be secrets.
_OPTIONS = (
    *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:logging", "-p", "no:warnings"),
    *("-p", "no:doctest", "-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:stepwise"),
    *("--capture=no", "--assert=plain", "--noconftest", "--import-mode=importlib", "-c", os.devnull),
)


def verify_hosts(
    inventory: Inventory,
    vault: Vault,
    conversations: Conversations,
    names: Sequence[str],
    junit: Path | None = None,
    traced: bool = True,
    roles: Path = ROLES,
    deploying: float | None = None,
) -> VerifyReport:
    """Check the named hosts against their own current releases and return what was found.

    Uses the open `conversations` and no other connection to the hosts; HTTP goes from here as a client's
    would. `junit` is a file for pytest's own JUnit report. The traced requests are left out where
    `traced` or the variable `verify.traced_request` is false. As the gate of a deploy, which has been
    `deploying` for so many seconds, it leaves out what tells of the time before: nothing that is deployed
    could mend that. Raises UnreachableError when a
    connection is lost, KeyboardInterrupt when interrupted.
    """
    import pytest  # noqa: PLC0415 - slow, and of no use to other verbs

    from gateway.verify.gather import gather, targets_of  # noqa: PLC0415
    from gateway.verify.plugin import Checks, Titles, load_ahead  # noqa: PLC0415

    started = time.monotonic()
    targets = targets_of(inventory, vault, conversations, names)
    for target in targets:
        target.deploying = deploying
    files = {role: sorted((roles / role / "verify").glob("test_*.py")) for role in _all_roles(targets)}
    functions = {role: [found for path in paths if (found := load_ahead(path))] for role, paths in files.items()}
    ahead = {target.name: [one for role in roles_of(target.settings) for one in functions[role]] for target in targets}
    gather(targets, ahead, traced)
    checks = Checks(targets, {target.name: roles_of(target.settings) for target in targets}, redaction(vault, targets))
    arguments = [*_OPTIONS, f"--rootdir={roles.parent}", *(str(path) for paths in files.values() for path in paths)]
    if junit is not None:
        arguments += [f"--junitxml={junit}", "-o", "junit_suite_name=verify"]
    with _undisturbed():
        code = pytest.main(arguments, plugins=[checks, *([Titles()] if junit is not None else [])])
    if code == pytest.ExitCode.INTERRUPTED and not checks.failures:
        raise KeyboardInterrupt
    failures = list(checks.failures)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not failures:
        failures.append(Failure("", "pytest", f"the checks could not be run: pytest ended with {code!r}"))
    total = sum(checks.counts.values()) + sum(not failure.host for failure in failures)
    return VerifyReport(
        total=total,
        passed=total - len(failures),
        failures=tuple(failures),
        seconds=round(time.monotonic() - started, 2),
        hosts=checks.counts,
        notes=tuple(_notes(targets, traced)),
    )


def roles_of(host: Host) -> tuple[str, ...]:
    """Return the roles whose checks a host gets: those of every host, then its own."""
    return (*EVERYWHERE, *host.roles)


def redaction(vault: Vault, targets: Sequence[Target]) -> Callable[[str], str]:
    """Return a function that takes the secrets of the vault and of the hosts' releases out of a text."""
    known = vault.all_values
    for target in targets:
        if target.has_release:
            known += target.release.secrets
    values = sorted({secret.reveal() for secret in known if len(secret.reveal()) > 3}, key=len, reverse=True)

    def redact(text: str) -> str:
        for value in values:
            text = text.replace(value, REDACTED)
        return text

    return redact


def _all_roles(targets: Sequence[Target]) -> list[str]:
    return list(dict.fromkeys(role for target in targets for role in roles_of(target.settings)))


def _notes(targets: Sequence[Target], traced: bool) -> Iterator[str]:
    """Yield what a reader of the report must know of the traced requests, and of backups that are still to come."""
    for target in targets:
        if target.snapshot["backups"]["schedule"] and target.snapshot["backups"]["log"] is None:
            yield f"{target.name}: no backup was made yet"
        if target.door is None:
            continue
        if target.trace is None:
            why = "verify.traced_request is false" if traced else "it was switched off"
            yield f"{target.name}: no traced request was sent: {why}"
        elif not target.trace.with_key:
            yield (
                f"{target.name}: there is no provider_api_key in the secrets: the traced request proves that it was"
                f" recorded, with the provider's answer {target.trace.answer.status}"
            )
        if target.trace is not None and not target.trace.store_in_reach:
            yield (
                f"{target.name}: ClickHouse was not asked for the traced request, none of the hosts named reaches it:"
                " Helicone's API is what proves that it was recorded"
            )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the shell's pytest settings and other packages' plugins out, and warnings off the terminal."""
    before = {
        name: os.environ.get(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    }
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
