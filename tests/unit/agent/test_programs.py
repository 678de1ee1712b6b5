"""Finding programs as the shell does."""

from __future__ import annotations

from gateway.agent import programs


def test_only_what_can_be_run_is_found(tmp_path, monkeypatch):
    for folder, mode in (("one", 0o644), ("two", 0o755)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tool").touch(mode=mode)
    (tmp_path / "three" / "tool").mkdir(parents=True)
    path = f"{tmp_path / 'three'}:{tmp_path / 'one'}:{tmp_path / 'two'}"
    assert programs.find("tool", path) == str(tmp_path / "two" / "tool")
    monkeypatch.setenv("PATH", path)
    assert programs.find("tool") == str(tmp_path / "two" / "tool")
    assert programs.find("other") is None
