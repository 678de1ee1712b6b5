"""Who opens the vault: its identity, every recipient and age itself, and nobody else."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigurationError
from gateway.vault import ensure_vault, open_vault
from tests.unit.vault.names import GENERATED

if TYPE_CHECKING:
    from pathlib import Path


def test_age_reads_what_was_saved(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    result = subprocess.run(["age", "-d", "-i", files[1], files[0]], capture_output=True, check=True)
    assert f'admin_password: "{vault["admin_password"].reveal()}"' in result.stdout.decode()


@pytest.mark.parametrize("armor", [[], ["--armor"]])
def test_what_age_wrote_with_a_key_of_age_keygen_opens(tmp_path: Path, armor: list[str]) -> None:
    path, identity = tmp_path / "secrets.yml.age", tmp_path / "key"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    public = re.search("age1[0-9a-z]+", identity.read_text()).group()  # type: ignore[union-attr]
    text = b"admin_password: of-the-operator\n"
    subprocess.run(["age", *armor, "-r", public, "-o", path], input=text, check=True)
    assert open_vault(path, identity)["admin_password"].reveal() == "of-the-operator"
    vault, created = ensure_vault(path, identity)
    assert "admin_password" not in created
    assert len(created) == len(GENERATED) - 1
    assert open_vault(path, identity) == vault


def test_every_recipient_and_the_writer_can_open(tmp_path: Path) -> None:
    path, mine, theirs = tmp_path / "secrets.yml.age", tmp_path / "mine", tmp_path / "theirs"
    subprocess.run(["age-keygen", "-o", theirs], check=True, capture_output=True)
    public = re.search("age1[0-9a-z]+", theirs.read_text()).group()  # type: ignore[union-attr]
    vault, _ = ensure_vault(path, mine, [public])
    assert open_vault(path, theirs) == open_vault(path, mine) == vault


def test_a_recipient_that_is_none(files: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigurationError, match=r"secrets\.recipients"):
        ensure_vault(*files, ["age1nonsense"])
    assert not files[0].exists()


def test_the_identity_is_missing(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    files[1].unlink()
    before = files[0].read_bytes()
    for function in (open_vault, ensure_vault):
        with pytest.raises(ConfigurationError, match=r"age\.key is missing") as caught:
            function(*files)
        assert "secrets.yml.age" in str(caught.value)
        assert "nothing was changed" in str(caught.value)
    assert not files[1].exists()
    assert files[0].read_bytes() == before


def test_the_identity_is_another(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    files[1].unlink()
    ensure_vault(files[0].with_name("other.age"), files[1])
    with pytest.raises(ConfigurationError, match="not encrypted for the identity") as caught:
        ensure_vault(*files)
    assert "AGE-SECRET-KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no age identity"),
        ("AGE-SECRET-KEY-1NONSENSE\n", "damaged age identity"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "no age identity"),
        ("é\n", "cannot be read"),
    ],
)
def test_the_identity_is_unusable(files: tuple[Path, Path], content: str, words: str) -> None:
    ensure_vault(*files)
    files[1].write_text(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_vault(*files)
    assert "NONSENSE" not in str(caught.value)


def test_an_identity_that_others_can_read_is_refused(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    files[1].chmod(0o644)
    with pytest.raises(ConfigurationError, match="read by others") as caught:
        open_vault(*files)
    assert "chmod 600" in caught.value.next_step
