"""The release on the host is whole: the files that were delivered, as they were delivered."""

from __future__ import annotations

from collections.abc import Iterator

from testinfra.host import Host

from gateway.verify.backend import file_commands
from gateway.verify.checks import always, check
from gateway.verify.target import Target


def ahead(target: Target) -> Iterator[str]:
    """Yield what the checks of this file will ask, so that it is asked in one message."""
    if target.has_release:
        current = f"{target.folder}/current"
        yield from (f"realpath {current}", f"realpath {target.folder}/releases/{target.release.identifier}")
        for name in ("", "/state", "/releases", *(f"/current/{name}" for name in (*files(target), "manifest.json"))):
            yield from file_commands(f"{target.folder}{name}")


def files(target: Target) -> list[str]:
    return list(target.release.manifest["files"])


@check("a release is on the host", when=always)
def test_release(target: Target) -> None:
    environment = target.inventory.environment
    current = target.snapshot["current"]
    assert current is not None, f"{target.name}: there is no release of environment {environment} on this host"
    assert target.has_release, f"{target.name}: release {current} has no readable manifest.json"


@check("current points to the release")
def test_current(target: Target, host: Host) -> None:
    found = host.file(f"{target.folder}/current").linked_to
    expected = host.file(f"{target.folder}/releases/{target.release.identifier}").linked_to
    assert found == expected, f"{target.name}: current points to {found}, expected {expected}"


@check("no switch was cut off")
def test_interrupted(target: Target) -> None:
    entry = target.snapshot["interrupted"]
    assert entry is None, f"{target.name}: the switch to release {entry['release']} was cut off and nobody finishes it"


@check("the release is this host's own")
def test_own(target: Target) -> None:
    found = target.release.manifest["host"]
    assert found == target.name, f"{target.name}: its release was made for host {found}"


@check("file {name} has the release's content", name=files)
def test_content(target: Target, host: Host, name: str) -> None:
    file = host.file(f"{target.folder}/current/{name}")
    assert file.exists, f"{target.name}: {name} is missing from release {target.release.identifier}"
    expected = target.release.manifest["files"][name]["sha256"]
    assert file.sha256sum == expected, (
        f"{target.name}: {name} was changed by hand (sha256 differs from release {target.release.identifier})"
    )


@check("file {name} has the release's mode", name=files)
def test_mode(target: Target, host: Host, name: str) -> None:
    file = host.file(f"{target.folder}/current/{name}")
    assert file.exists, f"{target.name}: {name} is missing from release {target.release.identifier}"
    expected = target.release.manifest["files"][name]["mode"]
    assert f"{file.mode:o}" == expected, f"{target.name}: {name} has mode {file.mode:o}, the release says {expected}"


@check("file {name} belongs to root", name=files)
def test_owner(target: Target, host: Host, name: str) -> None:
    file = host.file(f"{target.folder}/current/{name}")
    assert file.exists, f"{target.name}: {name} is missing from release {target.release.identifier}"
    assert file.uid == 0, f"{target.name}: {name} belongs to user id {file.uid}, expected root"


@check(".env is for root alone")
def test_env_private(target: Target, host: Host) -> None:
    file = host.file(f"{target.folder}/current/.env")
    assert file.exists, f"{target.name}: .env is missing from release {target.release.identifier}"
    assert file.mode == 0o600, f"{target.name}: .env has mode {file.mode:o}, expected 600: it holds the secrets"


@check("the manifest is for root alone")
def test_manifest_private(target: Target, host: Host) -> None:
    file = host.file(f"{target.folder}/current/manifest.json")
    assert (file.mode, file.uid) == (0o600, 0), (
        f"{target.name}: manifest.json has mode {file.mode:o} and user id {file.uid}, expected 600 and root"
    )


@check("folder {folder} is for root alone", folder=lambda _: ("state", "releases"))
def test_private_folder(target: Target, host: Host, folder: str) -> None:
    file = host.file(f"{target.folder}/{folder}")
    assert file.exists, f"{target.name}: the folder {target.folder}/{folder} is missing"
    assert (file.mode, file.uid) == (0o700, 0), (
        f"{target.name}: {target.folder}/{folder} has mode {file.mode:o} and user id {file.uid}, expected 700 and root"
    )


@check("the environment's folder cannot be written by others")
def test_root_folder(target: Target, host: Host) -> None:
    file = host.file(target.folder)
    assert not file.mode & 0o022, f"{target.name}: {target.folder} has mode {file.mode:o}: others can change it"
