"""Files that hold no vault: not there yet, damaged, or with an inside that is refused."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pyrage
import pytest

from gateway.errors import ConfigurationError
from gateway.vault import ensure_vault, open_vault

if TYPE_CHECKING:
    from pathlib import Path


def encrypt(path: Path, identity: Path, text: str) -> None:
    """Put `text` into the vault file as the age program would."""
    public = re.search("age1[0-9a-z]+", identity.read_text()).group()  # type: ignore[union-attr]
    subprocess.run(["age", "-r", public, "-o", path], input=text.encode(), check=True)


def test_no_secrets_yet(files: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigurationError, match="no secrets yet"):
        open_vault(*files)
    assert not files[1].exists()


def test_no_tampered_or_truncated_file_opens(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    whole = files[0].read_bytes()
    lines = whole.split(b"\n")
    damaged = [whole[:length] for length in (0, 1, 20, 60, 400, len(whole) // 2, len(whole) - 40)]
    for index in (2, 5, 10, len(lines) - 4):
        changed = bytearray(lines[index])
        changed[3] = ord("A") if changed[3] != ord("A") else ord("B")
        damaged.append(b"\n".join([*lines[:index], bytes(changed), *lines[index + 1 :]]))
        damaged.append(b"\n".join([*lines[:index], *lines[index + 1 :]]))
    damaged += [b"postgres_password: in-the-clear-hunter2\n", b"\xff" * 300]
    for content in damaged:
        files[0].write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"damaged|not encrypted") as caught:
            ensure_vault(*files)
        assert "hunter2" not in str(caught.value)
        assert files[0].read_bytes() == content


def test_a_file_of_the_operator_with_a_default_password(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    encrypt(*files, "object_store_secret_key: minioadmin\n")
    with pytest.raises(ConfigurationError, match="`object_store_secret_key` is a publicly known") as caught:
        ensure_vault(*files)
    assert "minioadmin" not in str(caught.value)


def test_an_encrypted_file_that_is_no_text(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    public = pyrage.x25519.Identity.from_str(files[1].read_text().splitlines()[-1]).to_public()
    files[0].write_bytes(pyrage.encrypt(b"\xff\xfe", [public]))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        open_vault(*files)
