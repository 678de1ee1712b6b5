"""The machine itself has room, memory, the right time and what the agent needs."""

from __future__ import annotations

from gateway.preflight import PYTHON
from gateway.verify.checks import always, check
from gateway.verify.target import Target
from gateway.versions import at_least

GIGABYTE = 1 << 30
MEGABYTE = 1 << 20
# After a deploy the images are there: what preflight asked for them is used up, this much must remain.
DISK_GIGABYTES = 1.0
MEMORY_MEGABYTES = 64


@check("python3 is new enough for the agent", when=always)
def test_python(target: Target) -> None:
    found = target.snapshot["facts"]["python"]
    assert at_least(found, PYTHON), f"{target.name}: python3 is {found}, expected {PYTHON} or newer"


@check("disk is free for {place}", when=always, place=lambda _: ("releases", "images"))
def test_disk(target: Target, place: str) -> None:
    wanted = min(DISK_GIGABYTES, target.settings.variables.preflight.disk_free_gb)
    free = target.snapshot["facts"]["disk_free"][place] / GIGABYTE
    assert free >= wanted, f"{target.name}: only {free:.2f} GB of disk are free for {place}, expected {wanted:g}"


@check("it has the memory that preflight asks for", when=always)
def test_memory(target: Target) -> None:
    found, wanted = target.snapshot["facts"]["memory"] // MEGABYTE, target.settings.variables.preflight.memory_mb
    assert found >= wanted, f"{target.name}: it has {found} MB of memory, preflight.memory_mb asks for {wanted}"


@check("memory is left", when=always)
def test_memory_left(target: Target) -> None:
    found = target.snapshot["facts"]["memory_available"] // MEGABYTE
    assert found >= MEMORY_MEGABYTES, f"{target.name}: only {found} MB of memory are left, expected {MEMORY_MEGABYTES}"


@check("its clock agrees with this machine's", when=always)
def test_clock(target: Target) -> None:
    allowed = target.settings.variables.preflight.clock_skew_seconds
    off = target.snapshot["clock_off"]
    assert off <= allowed, f"{target.name}: its clock is {off:.0f} s off this machine's, expected at most {allowed}"
