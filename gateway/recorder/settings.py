"""What the recorder is told by its environment, and the times it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

HEARTBEAT = Path("/tmp/recorder.heartbeat")  # noqa: S108 - the container's own, gone with it
_MEBIBYTE = 1 << 20


class SettingsError(Exception):
    """A setting is missing or cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class ClickHouse:
    """Where Helicone's rows are read back, and as whom."""

    url: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds and counts that govern delivery.

    A delivered record is looked for after `first_look`, and delivered again when it is not there
    `confirm_within` after its delivery. After an answer that leaves open whether the record was written,
    `unsure_wait` passes before the look that decides. Retries wait up to `retry_most`. A record that alone
    keeps failing is given up after `refuse_after`, one that jawn calls wrong after `refuse_record_after`,
    and a key that jawn looked for and does not know, as a revoked one, after `gone_after`. While more than
    `rush` records a second are taken and processors are short, delivery holds back.
    """

    first_look: float = 1.5
    confirm_within: float = 30
    unsure_wait: float = 5
    retry_first: float = 1
    retry_most: float = 30
    probe_every: float = 2
    refuse_after: float = 86_400
    gone_after: float = 120
    refuse_record_after: float = 600
    connect_within: float = 5
    answer_within: float = 60
    rest: float = 5
    workers: int = 32
    rush: float = 250
    window: int = 4_000
    open_most: int = 50_000
    flight_bytes: int = 32 * _MEBIBYTE


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the serving process needs; `spool_bytes` bounds the records that wait on disk."""

    folder: Path
    access_log: Path = Path("/var/log/gateway/access.log")
    mirror: Path = Path("/dev/shm/mirror")  # noqa: S108 - shared with the gateway alone
    jawn: tuple[str, ...] = ()
    clickhouse: ClickHouse = ClickHouse("", "", "")
    spool_bytes: int = 2048 * _MEBIBYTE
    body_bytes: int = 10 * _MEBIBYTE
    refused_bytes: int = 64 * _MEBIBYTE
    disk_free_bytes: int = 512 * _MEBIBYTE
    heartbeat: Path = HEARTBEAT
    pace: Pace = Pace()


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings that the environment gives.

    Raises SettingsError, which names the variable, for one that is missing or cannot be read.
    """
    pace = Pace()
    plain = Settings(read_folder(environment))
    return Settings(
        folder=plain.folder,
        access_log=Path(environment.get("RECORDER_ACCESS_LOG") or plain.access_log),
        mirror=Path(environment.get("RECORDER_MIRROR") or plain.mirror),
        jawn=tuple(_url(entry, "RECORDER_JAWN") for entry in _needed(environment, "RECORDER_JAWN").split(",")),
        clickhouse=ClickHouse(
            _url(_needed(environment, "CLICKHOUSE_URL"), "CLICKHOUSE_URL"),
            environment.get("CLICKHOUSE_USER") or "default",
            environment.get("CLICKHOUSE_PASSWORD", ""),
        ),
        spool_bytes=_whole(environment, "RECORDER_SPOOL_BYTES", plain.spool_bytes),
        body_bytes=_whole(environment, "RECORDER_BODY_BYTES", plain.body_bytes),
        refused_bytes=_whole(environment, "RECORDER_REFUSED_BYTES", plain.refused_bytes),
        disk_free_bytes=_whole(environment, "RECORDER_DISK_FREE_BYTES", plain.disk_free_bytes),
        heartbeat=read_heartbeat(environment),
        pace=Pace(
            first_look=_seconds(environment, "RECORDER_LOOK_SECONDS", pace.first_look),
            confirm_within=_seconds(environment, "RECORDER_CONFIRM_SECONDS", pace.confirm_within),
            unsure_wait=_seconds(environment, "RECORDER_UNSURE_SECONDS", pace.unsure_wait),
            retry_most=_seconds(environment, "RECORDER_RETRY_SECONDS", pace.retry_most),
            refuse_after=_seconds(environment, "RECORDER_REFUSE_AFTER", pace.refuse_after),
            workers=_whole(environment, "RECORDER_WORKERS", pace.workers),
        ),
    )


def read_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the spool: all that `status` needs besides the heartbeat."""
    return Path(environment.get("RECORDER_FOLDER") or "/var/lib/recorder")


def read_heartbeat(environment: Mapping[str, str]) -> Path:
    """Return the file in which this container's serving process says that it lives."""
    return Path(environment.get("RECORDER_HEARTBEAT") or HEARTBEAT)


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise SettingsError(f"{name} has to be a whole number above 0, not {text!r}")
    return int(text)


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise SettingsError(f"{name} has to be a number of seconds, not {text!r}")
    return value


def _url(text: str, name: str) -> str:
    """Return the address without a slash at its end."""
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise SettingsError(f"{name} has to be http(s)://<host>:<port>, not {address!r}")
    return address
