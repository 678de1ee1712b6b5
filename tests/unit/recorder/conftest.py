"""What the recorder's tests stand on: a spool on disk, a view of it, and Helicone's stand-in."""

from __future__ import annotations

import pytest

from gateway.recorder.schema import open_spool
from gateway.recorder.spool import Spool
from tests.unit.recorder.stand_ins import Clock, Helicone, settings


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def helicone():
    stand_in = Helicone()
    yield stand_in
    stand_in.close()


@pytest.fixture
def spool(tmp_path):
    opened = Spool(settings(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def seen(tmp_path, spool):
    return open_spool(tmp_path)
