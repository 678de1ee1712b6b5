"""Files that are written whole, and for the owner alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigurationError
from gateway.private_file import need_writable, own_files, shown_path, write_private

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_mode_and_content_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert write_private(tmp_path / "file", b"text")
    finally:
        os.umask(before)
    assert (tmp_path / "file").read_bytes() == b"text"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_replaces_or_keeps(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    assert not write_private(path, b"new", replace=False)
    assert path.read_bytes() == b"old"
    assert write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    write_private(tmp_path / "a/file", b"")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_private(tmp_path / "file/below", b"")


def test_shown_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "a/b") == "a/b"
    assert shown_path(tmp_path.parent / "b") == str(tmp_path.parent / "b")


def test_the_path_of_what_cannot_be_written_is_whole_and_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    (folder / "file").mkdir(parents=True)
    with pytest.raises(ConfigurationError) as caught:
        need_writable(folder / "file")
    assert caught.value.where == str(folder / "file")
    assert caught.value.next_step.endswith(f"ls -ld {folder}")


def test_what_this_machine_refuses_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="it cannot be used: not a directory") as caught, own_files():
        (tmp_path / "file" / "cache").mkdir()
    assert caught.value.where == str(tmp_path / "file" / "cache")
    assert caught.value.next_step.endswith(f"ls -ld {tmp_path / 'file' / 'cache'}")
    with pytest.raises(OSError, match="refused"), own_files():
        raise ConnectionRefusedError("refused")
