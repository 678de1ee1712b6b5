"""Merging with the real Compose, and hashes of what comes of it."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.render.merge import content_hashes, merged_definition

UPSTREAM = b"services:\n  a:\n    image: x\n    ports: ['1:1']\n  b:\n    image: y\n"


def merge(override: bytes, env: bytes = b"") -> dict[str, object]:
    files = {"compose.upstream.yml": UPSTREAM, "compose.override.yml": override, ".env": env}
    return dict(merged_definition("test", "/nowhere", files)["services"])


def test_disabled_services_and_reset_ports_are_gone() -> None:
    services = merge(b"services:\n  a:\n    ports: !reset []\n  b:\n    profiles: !override [disabled]\n")

    assert list(services) == ["a"]
    assert "ports" not in services["a"]  # type: ignore[operator]


def test_variables_of_this_shell_do_not_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "shell")
    monkeypatch.setenv("COMPOSE_PROFILES", "x")

    services = merge(b"services:\n  a:\n    environment: {V: '${V}'}\n", b'V="file"\n')

    assert services["a"]["environment"] == {"V": "file"}  # type: ignore[index]


def test_files_that_do_not_merge_are_refused_with_their_name() -> None:
    with pytest.raises(ConfigurationError, match=r"Compose cannot merge.*compose\.override\.yml"):
        merge(b"services: [")


def test_variable_that_is_not_set_is_an_error_with_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"does not set: MISSING\n"):
        merge(b"services:\n  a:\n    environment: {V: '${MISSING}'}\n")


def test_hash_covers_definition_mounted_file_volumes_and_namespace() -> None:
    merged = {
        "services": {"own": {"image": "x"}, "in": {"network_mode": "service:own"}, "else": {"image": "z"}},
        "volumes": {"v": {"name": "n"}},
    }
    base = content_hashes(merged, {"own": ["f"]}, {"f": b"1"})

    def changed(other: dict[str, str]) -> set[str]:
        return {name for name in base if base[name] != other[name]}

    assert changed(content_hashes(merged, {"own": ["f"]}, {"f": b"1"})) == set()
    assert changed(content_hashes(merged, {"own": ["f"]}, {"f": b"2"})) == {"own", "in"}
    image = {**merged, "services": {**merged["services"], "else": {"image": "new"}}}
    assert changed(content_hashes(image, {"own": ["f"]}, {"f": b"1"})) == {"else"}


def test_secret_that_compose_stumbles_over_is_not_quoted() -> None:
    files = {
        "compose.upstream.yml": UPSTREAM,
        "compose.override.yml": b"services:\n  a:\n    ports: ['${V}']\n",
        ".env": b'V="value-sentinel"\n',
    }

    with pytest.raises(ConfigurationError, match=r"Compose cannot merge.*\[redacted\]") as caught:
        merged_definition("test", "/nowhere", files, ["value-sentinel"])

    assert "sentinel" not in str(caught.value)
