"""Where the age identity is, and how it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.age_identity import create_identity, identity_path, read_identities
from gateway.errors import ConfigurationError


def test_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert identity_path(Path("/project"), ".lab/age.key") == Path("/project/.lab/age.key")
    assert identity_path(Path("/project"), "/keys/age.key") == Path("/keys/age.key")
    assert identity_path(Path("/project"), "~/age.key") == Path("/home/me/age.key")
    with pytest.raises(ConfigurationError, match="home folder"):
        identity_path(Path("/project"), "~nobody-of-that-name/age.key")


def test_an_identity_that_exists_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_identity(path)
    before = path.read_text()
    create_identity(path)
    assert path.read_text() == before
    assert len(read_identities(path)) == 1


def test_several_identities_in_one_file(tmp_path: Path) -> None:
    create_identity(tmp_path / "a")
    create_identity(tmp_path / "b")
    (tmp_path / "a").write_text((tmp_path / "a").read_text() + "\r\n" + (tmp_path / "b").read_text())
    assert len(read_identities(tmp_path / "a")) == 2


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    with pytest.raises(ConfigurationError, match="age identity"):
        read_identities(path)
