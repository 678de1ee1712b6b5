"""jawn as delivery meets it: one record sent, and what its answer says about that record."""

from __future__ import annotations

import enum
import threading
import time
from dataclasses import dataclass

from .connections import Connection, NoAnswerError, NotSentError
from .record import Record
from .settings import Pace
from .trace import has_usable_id, trace_of

_PATH = "/v1/trace/custom/log"
_ABOUT_THE_KEY = frozenset({401, 403})
# With PostgreSQL down, jawn puts the driver's error in its place, or null: as of a key that may not write.
_NO_SUCH_KEY = b"No API key found"
_ABOUT_THE_RECORD = frozenset({400, 413, 422})
# Parsed, a body of small lists takes 25 times its size: what all senders parse at once would not fit into the memory.
_one_trace = threading.Lock()


class Fate(enum.Enum):
    """What an attempt means for the record.

    GIVEN: jawn has dealt with it, which is no proof that a row was written. UNSURE: it may have been.
    NOT_GIVEN: it was not, for a reason of jawn's. KEY_REFUSED and RECORD_REFUSED: it was not, for a reason
    of the key's or the record's; a jawn without PostgreSQL refuses good keys too, in other words than
    those of KEY_GONE: it looked, and there is no such key (any more). HOPELESS: never sent.
    """

    GIVEN = "given"
    UNSURE = "unsure"
    NOT_GIVEN = "not given"
    KEY_REFUSED = "key refused"
    KEY_GONE = "key gone"
    RECORD_REFUSED = "record refused"
    HOPELESS = "hopeless"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended; `reason` is for the log and holds nothing of the record."""

    fate: Fate
    reason: str = ""
    shortened: bool = False


class Addresses:
    """Which of jawn's addresses to use: in turn, one that failed not for a while unless all did."""

    def __init__(self, addresses: tuple[str, ...], rest: float) -> None:
        self._lock = threading.Lock()
        self._rest = rest
        self._addresses = list(addresses)
        self._failed = dict.fromkeys(addresses, float("-inf"))

    def next(self) -> str:
        """Return the address for the next attempt."""
        now = time.monotonic()
        with self._lock:
            awake = [address for address in self._addresses if now - self._failed[address] >= self._rest]
            chosen = awake[0] if awake else min(self._addresses, key=self._failed.__getitem__)
            self._addresses.remove(chosen)
            self._addresses.append(chosen)
            return chosen

    def failed(self, address: str) -> None:
        """Leave an address alone for a while."""
        with self._lock:
            self._failed[address] = time.monotonic()


class Jawn:
    """One thread's connections to jawn."""

    def __init__(self, addresses: Addresses, pace: Pace) -> None:
        self._addresses = addresses
        self._pace = pace
        self._connections: dict[str, Connection] = {}

    def send(self, record: Record) -> Attempt:
        """Send a record under its client's key and return how that ended."""
        if not has_usable_id(record):
            return Attempt(Fate.HOPELESS, "Helicone would replace its id")
        with _one_trace:
            body, shortened = trace_of(record)
        # Everything else that concerns Helicone is in the trace: as headers here, it might change who asks.
        headers = {
            "authorization": record.key,
            "content-type": "application/json",
            "helicone-request-id": record.id,
        }
        address = self._addresses.next()
        try:
            status, answer = self._connection(address).post(_PATH, body, headers)
        except NotSentError as error:
            self._addresses.failed(address)
            return Attempt(Fate.NOT_GIVEN, f"{address} cannot be reached: {error}")
        except NoAnswerError as error:
            self._addresses.failed(address)
            return Attempt(Fate.UNSURE, f"{address} did not answer: {error}")
        except ValueError:
            return Attempt(Fate.HOPELESS, "its key cannot be sent")
        if status >= 500:
            self._addresses.failed(address)
        return Attempt(fate_of(status, answer), f"{address} answered {status}", shortened)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()

    def _connection(self, address: str) -> Connection:
        if address not in self._connections:
            self._connections[address] = Connection(address, self._pace.connect_within, self._pace.answer_within)
        return self._connections[address]


def fate_of(status: int, answer: bytes = b"") -> Fate:
    """Return what a status, and the words that come with it, mean for the record."""
    if 200 <= status < 300:
        return Fate.GIVEN
    if status == 401 and _NO_SUCH_KEY in answer:
        return Fate.KEY_GONE
    if status in _ABOUT_THE_KEY:
        return Fate.KEY_REFUSED
    if status in _ABOUT_THE_RECORD:
        return Fate.RECORD_REFUSED
    return Fate.UNSURE if status >= 500 else Fate.NOT_GIVEN
