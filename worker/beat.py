"""Beat's scheduler: Celery's own, but for ticks that nobody takes.

https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#using-custom-scheduler-classes
"""

from __future__ import annotations

import logging
import time
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry
from celery.utils.dispatch import Signal

from worker.queue import SCHEDULE_QUEUE

log = logging.getLogger(__name__)

#: Sent whenever beat has done its part, whether or not a tick was wanted: its heartbeat.
turned: Any = Signal(name="turned")

#: A failure that lasts is told of this often, in seconds.
TELL_SECONDS = 60.0
#: Ticks that may wait. While no worker runs, each further one would only lie in Redis.
MOST_WAITING = 3


class Scheduler(PersistentScheduler):
    """Sends nothing while enough ticks wait to be taken."""

    _told = 0.0

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send what is due, unless the queue holds enough of it.

        Where that fails (Redis is away, or full), the next tick is the next try. Celery would log
        a whole stack each time.
        """
        try:
            channel: Any = (producer or self.producer).channel
            if channel.client.llen(SCHEDULE_QUEUE) < MOST_WAITING:
                self.apply_async(entry, producer=producer, advance=False)
            turned.send(sender=self)
        except Exception as error:
            if time.monotonic() - self._told > TELL_SECONDS:
                self._told = time.monotonic()
                log.warning("no tick could be sent (%s); tried again", type(error).__name__)
