"""The encrypted secrets: made once, kept, and never shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES
from gateway.vault import Vault, create_missing, diff_key, ensure_vault, open_vault, save_vault
from tests.unit.vault.names import FREE, GENERATED

if TYPE_CHECKING:
    from pathlib import Path

HARD_TEXTS = [
    " spaces and 'quotes' \"double\" back\\slash `tick` ",
    "$HOME ${X:-y} $$ #no comment = & | ; < > { } [ ] * ! % @ , ?",
    "first line of it\nsecond line\n\n  indented\ttab",
    "密码 пароль 🔑 ñ ü and enough of it to be long",
    "x- : yes null ~ 0x1F 1e5 2025-08-11 --- more text",
    "a1b2" * 2048,
]


def test_first_use_makes_identity_and_every_secret(files: tuple[Path, Path]) -> None:
    path, identity = files
    vault, created = ensure_vault(path, identity)
    assert created == GENERATED
    assert set(vault.values) == set(SECRET_NAMES)
    assert vault["provider_api_key"].reveal() == ""
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
    assert identity.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_second_use_changes_nothing(files: tuple[Path, Path]) -> None:
    first, _ = ensure_vault(*files)
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    second, created = ensure_vault(*files)
    assert created == []
    assert second == first == open_vault(*files)
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before


def test_two_vaults_share_nothing(tmp_path: Path) -> None:
    one, _ = ensure_vault(tmp_path / "a.age", tmp_path / "key")
    other, _ = ensure_vault(tmp_path / "b.age", tmp_path / "key")
    assert not {one[name].reveal() for name in GENERATED} & {other[name].reveal() for name in GENERATED}


def test_generated_values_are_safe_everywhere(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    for name in GENERATED:
        assert re.fullmatch(r"[A-Za-z0-9-]{20,64}", vault[name].reveal()), name
    assert re.fullmatch(r"[0-9a-f]{64}", vault["request_cache_key"].reveal())
    assert re.fullmatch(r"sk-helicone(-[a-z0-9]{7}){4}", vault["helicone_api_key"].reveal())


@pytest.mark.parametrize("text", HARD_TEXTS)
@pytest.mark.parametrize("name", FREE)
def test_hard_texts_survive(files: tuple[Path, Path], name: str, text: str) -> None:
    vault, _ = ensure_vault(*files)
    save_vault(files[0], Vault({**vault.values, name: Secret(text)}), files[1])
    assert open_vault(*files)[name].reveal() == text


def test_a_failed_save_leaves_the_file_alone(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    before = files[0].read_bytes()
    with pytest.raises(ConfigurationError):
        save_vault(files[0], vault, files[1], ["age1nonsense"])
    assert files[0].read_bytes() == before
    assert len(list(files[0].parent.iterdir())) == 1


@pytest.mark.parametrize("value", ["minioadmin", "short", "a bell\x07 in a value that is long enough"])
def test_what_could_not_be_opened_is_not_written(files: tuple[Path, Path], value: str) -> None:
    vault, _ = ensure_vault(*files)
    before = files[0].read_bytes()
    with pytest.raises(ConfigurationError):
        save_vault(files[0], Vault({**vault.values, "better_auth_secret": Secret(value)}), files[1])
    assert files[0].read_bytes() == before


def test_a_secret_that_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="`admin_password` is missing"):
        Vault({})["admin_password"]


def test_create_missing_keeps_what_is_there() -> None:
    vault, created = create_missing(Vault({"admin_password": Secret("kept")}))
    assert vault["admin_password"].reveal() == "kept"
    assert "admin_password" not in created


def test_the_fingerprint_key_is_of_the_vault(tmp_path: Path) -> None:
    one, _ = ensure_vault(tmp_path / "a.age", tmp_path / "key")
    other, _ = ensure_vault(tmp_path / "b.age", tmp_path / "key")
    assert diff_key(one) == diff_key(open_vault(tmp_path / "a.age", tmp_path / "key"))
    assert diff_key(one) != diff_key(other)
    assert len(diff_key(one)) == 32


def test_nothing_is_shown(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    shown = f"{vault} {vault!r} {dict(vault.values)}"
    assert not any(vault[name].reveal() in shown for name in GENERATED)
