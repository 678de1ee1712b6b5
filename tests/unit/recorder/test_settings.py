"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.recorder.settings import SettingsError, read

NEEDED = {"RECORDER_JAWN": "http://one:8585/, http://two:8585", "CLICKHOUSE_URL": "http://clickhouse:8123"}


def test_what_is_needed_is_enough():
    settings = read(NEEDED)
    assert settings.jawn == ("http://one:8585", "http://two:8585")
    assert settings.mirror == Path("/dev/shm/mirror")  # noqa: S108 - not of this machine
    assert settings.folder == Path("/var/lib/recorder")
    assert settings.spool_bytes == 2 << 30


def test_each_setting_arrives():
    settings = read({**NEEDED, "RECORDER_MIRROR": "/m", "RECORDER_SPOOL_BYTES": "1000", "RECORDER_REFUSE_AFTER": "1.5"})
    assert settings.mirror == Path("/m")
    assert settings.spool_bytes == 1000
    assert settings.pace.refuse_after == 1.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECORDER_JAWN", ""),
        ("RECORDER_JAWN", "jawn:8585"),
        ("CLICKHOUSE_URL", "http://:8123"),
        ("RECORDER_SPOOL_BYTES", "2G"),
        ("RECORDER_SPOOL_BYTES", "0"),
        ("RECORDER_REFUSE_AFTER", "nan"),
        ("RECORDER_REFUSE_AFTER", "-1"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(name, value):
    with pytest.raises(SettingsError, match=name):
        read({**NEEDED, name: value})


def test_the_password_is_not_shown():
    assert "made-up" not in repr(read({**NEEDED, "CLICKHOUSE_PASSWORD": "made-up"}))
