"""The serving process: takes records and delivers them while it leads, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time

from . import heartbeat, log
from .delivery import Delivery
from .leadership import Leadership
from .mirror import Mirror
from .settings import Settings
from .spool import Spool
from .status import publish, remember
from .taking import Taking

_SEEK_SECONDS = 0.3
_BEAT_SECONDS = 1.0
_UPKEEP_SECONDS = 2.0
_HANDING_OVER_SECONDS = 1.0
_TAKING_SECONDS = 20.0
_FREE_PAGES = 16_384
_FREED_AT_ONCE = 2_048


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM. Raises sqlite3.Error or OSError when the spool cannot be opened."""
    await _Serving(settings).run()


class _Serving:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spool = Spool(settings)
        self._leadership = Leadership(settings.folder)
        self._delivery: Delivery | None = None
        self._taking: Taking | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Work until asked to stop; then let another process lead, and close the spool."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        log.say("info", "the recorder is here")
        beats = asyncio.create_task(self._beat())
        leads = asyncio.create_task(self._lead())
        await self._stop.wait()
        leads.cancel()
        await asyncio.gather(leads, return_exceptions=True)
        await asyncio.to_thread(self._give_up)
        beats.cancel()
        await asyncio.to_thread(self._spool.close)
        self._settings.heartbeat.unlink(missing_ok=True)
        log.say("info", "the recorder ends")

    async def _lead(self) -> None:
        """Take and deliver as soon as no other process does."""
        while not (self._leadership.seek() and self._start()):
            await asyncio.sleep(_SEEK_SECONDS)
        log.say("info", "this process takes and delivers")

    def _start(self) -> bool:
        """Start what the leader does, and return whether that could be."""
        settings = self._settings
        try:
            delivery = Delivery(settings, self._spool)
            taking = Taking(settings, self._spool)
        except (sqlite3.Error, OSError, ValueError) as error:
            log.say_at_times("lead", "error", f"delivery cannot start: {type(error).__name__}: {error}")
            return False
        self._delivery, self._taking = delivery, taking
        delivery.start()
        taking.start()
        return True

    def _give_up(self) -> None:
        """Stop to take and to deliver, and let another process do so.

        Where the disk keeps a commit back, nobody else may lead before this process has ended.
        """
        whole = self._taking is None or self._taking.stop(_TAKING_SECONDS)
        if self._delivery is not None:
            self._delivery.stop(_HANDING_OVER_SECONDS)
        self._spool.change(lambda _: None).wait(_HANDING_OVER_SECONDS)
        if whole:
            self._leadership.give_up()

    async def _beat(self) -> None:
        """Say that this loop turns and the spool's disk takes."""
        kept = float("-inf")
        while True:
            now = time.monotonic()
            if now - kept >= _UPKEEP_SECONDS:
                kept = now
                self._spool.change(self._keep_up)
            try:
                heartbeat.write(
                    self._settings.heartbeat,
                    leaving=self._stop.is_set(),
                    leader=self._leadership.held,
                    commit_age=now - self._spool.committed,
                )
            except OSError as error:
                log.say_at_times("heartbeat", "error", f"the heartbeat cannot be written: {error}")
            await asyncio.sleep(_BEAT_SECONDS)

    def _keep_up(self, connection: sqlite3.Connection) -> None:
        """Write down what status shows, and give free pages back to the disk."""
        remember(connection, self._settings.spool_bytes, self._delivery.last_error if self._delivery else None)
        if self._leadership.held:
            publish(connection, self._settings.folder, Mirror(self._settings.mirror).room())
        if self._leadership.held and connection.execute("PRAGMA freelist_count").fetchone()[0] > _FREE_PAGES:
            connection.execute(f"PRAGMA incremental_vacuum({_FREED_AT_ONCE})").fetchall()
