"""The lock of images, and pinning."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.images import load_lock, pin

DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_lock_gives_digests_by_reference(tmp_path: Path) -> None:
    file = tmp_path / "images.lock.yml"
    file.write_text(f"# made by invoke images.lock\npostgres:17.4: {DIGEST}\nregistry:5000/a/b:v1: {DIGEST}\n")

    assert load_lock(file) == {"postgres:17.4": DIGEST, "registry:5000/a/b:v1": DIGEST}


def test_missing_and_empty_locks_are_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("")

    assert load_lock(tmp_path / "empty.yml") == load_lock(tmp_path / "missing.yml") == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"a:1: {DIGEST}\nb:1: sha256:short\n", 2),
        ("a:1:\n", 1),
        (f"a:1: {DIGEST}\n\npostgres: {DIGEST}\n", 3),
        (f"a:1@{DIGEST}: {DIGEST}\n", 1),
        ("- a\n", 1),
        (f"a:1: {DIGEST}\na:1: {DIGEST}\n", 2),
    ],
)
def test_bad_entry_is_named_with_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "images.lock.yml"
    file.write_text(text)

    with pytest.raises(ConfigurationError) as caught:
        load_lock(file)

    assert f"images.lock.yml:{line}" in str(caught.value)


def test_pin_adds_the_locked_digest_and_keeps_an_own_one() -> None:
    assert pin("a/b:1", {"a/b:1": DIGEST}) == f"a/b:1@{DIGEST}"
    assert pin(f"a/b:1@{DIGEST}", {}) == f"a/b:1@{DIGEST}"
    assert pin(f"localhost:5000/a@{DIGEST}", {}) == f"localhost:5000/a@{DIGEST}"


@pytest.mark.parametrize(
    ("reference", "message", "next_step"),
    [
        ("postgres:17.4", "has no digest", "invoke images.lock --env lab"),
        ("postgres", "neither a tag nor a digest", "write it as name:tag"),
        ("postgres:17.4@sha256:short", "not an image reference", "write it as"),
        ("Not An Image", "not an image reference", "write it as"),
    ],
)
def test_what_cannot_be_pinned_names_key_and_next_step(reference: str, message: str, next_step: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        pin(reference, {}, key="images.postgres", environment="lab")

    assert caught.value.where == "images.postgres"
    assert next_step in caught.value.next_step
