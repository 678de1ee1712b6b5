"""The serving process: takes records until it is told to stop, and delivers while it leads."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time

from . import heartbeat, intake, log
from .delivery import Delivery
from .gaps import Gaps
from .leadership import Leadership
from .settings import Settings
from .spool import Spool
from .status import publish, remember

_SEEK_SECONDS = 0.3
_BEAT_SECONDS = 1.0
_UPKEEP_SECONDS = 2.0
_HANDING_OVER_SECONDS = 1.0
_FREE_PAGES = 16_384
_FREED_AT_ONCE = 2_048


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM and the end of open streams; a second SIGTERM or the grace's end cuts those.

    Raises sqlite3.Error or OSError when the spool cannot be opened or the address not be listened on.
    """
    await _Serving(settings).run()


class _Serving:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spool = Spool(settings)
        self._leadership = Leadership(settings.folder)
        self._delivery: Delivery | None = None
        self._gaps: Gaps | None = None
        self._listening = False
        self._asked = 0
        self._stop = asyncio.Event()
        self._cut = asyncio.Event()

    async def run(self) -> None:
        """Take records until asked to stop; then let another process lead, drain, and close the spool."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask)
        limits = intake.Limits(settings.body_bytes, settings.memory_bytes)
        server = await intake.serve(settings.listen, self._spool.take, limits)
        self._listening = True
        log.say("info", "the recorder listens", address=f"{settings.listen[0]}:{server.port}")
        beats = asyncio.create_task(self._beat())
        leads = asyncio.create_task(self._lead())
        await self._stop.wait()
        self._listening = False
        leads.cancel()
        await asyncio.gather(leads, return_exceptions=True)
        draining = asyncio.create_task(server.stop(settings.drain))
        await asyncio.to_thread(self._give_up)
        cut = asyncio.create_task(self._cut.wait())
        await asyncio.wait({draining, cut}, return_when=asyncio.FIRST_COMPLETED)
        if not draining.done():
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
            await server.stop(0)
        cut.cancel()
        beats.cancel()
        await asyncio.to_thread(self._spool.close)
        settings.heartbeat.unlink(missing_ok=True)
        log.say("info", "the recorder ends")

    def _ask(self) -> None:
        """Take a signal: the first one asks to stop, the second to do so now."""
        self._asked += 1
        if self._asked == 1:
            log.say("info", "asked to stop: open streams are finished")
            self._stop.set()
        else:
            self._cut.set()

    async def _lead(self) -> None:
        """Deliver as soon as no other process does."""
        while not (self._leadership.seek() and self._start()):
            await asyncio.sleep(_SEEK_SECONDS)
        log.say("info", "this process delivers")

    def _start(self) -> bool:
        """Start what the leader does, and return whether that could be."""
        settings = self._settings
        try:
            delivery = Delivery(settings, self._spool)
            gaps = None
            if settings.access_log is not None:
                gaps = Gaps(settings.access_log, self._spool, settings.folder, settings.gap_after)
        except (sqlite3.Error, OSError, ValueError) as error:
            log.say_at_times("lead", "error", f"delivery cannot start: {type(error).__name__}: {error}")
            return False
        self._delivery, self._gaps = delivery, gaps
        delivery.start()
        if gaps is not None:
            gaps.start()
        return True

    def _give_up(self) -> None:
        """Stop to deliver, and let another process do so."""
        if self._gaps is not None:
            self._gaps.stop(_HANDING_OVER_SECONDS)
        if self._delivery is not None:
            self._delivery.stop(_HANDING_OVER_SECONDS)
        self._spool.change(lambda _: None).wait(_HANDING_OVER_SECONDS)
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
                    listening=self._listening,
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
            publish(connection, self._settings.folder)
        if self._leadership.held and connection.execute("PRAGMA freelist_count").fetchone()[0] > _FREE_PAGES:
            connection.execute(f"PRAGMA incremental_vacuum({_FREED_AT_ONCE})").fetchall()
