"""A worker that has gone deaf ends itself, so that its supervisor starts another.

Seen once after the broker had been killed: the worker was connected again and took no message any more. The database
owns every migration, so a worker that idles may be replaced at any moment; one that works is left alone.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import redis
from celery.signals import task_postrun, task_prerun, worker_ready

from ivmweb.monitor.notices import redis_url

logger = logging.getLogger(__name__)

DEAF_AFTER_S = 15.0  # an idle worker takes a message at once; this long means never
LOOK_EVERY_S = 3.0
EXIT_STATUS = 75  # EX_TEMPFAIL


@dataclass
class Hearing:
    """What the worker has done since its queue was seen to hold messages."""

    at_work: int = 0
    heard_at: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, **_: Any) -> None:
        with self._lock:
            self.at_work += 1
            self.heard_at = time.monotonic()

    def end(self, **_: Any) -> None:
        with self._lock:
            self.at_work -= 1
            self.heard_at = time.monotonic()

    def is_deaf(self, waiting: int, now: float) -> bool:
        """Idle while messages wait. Call regularly: an empty queue starts the time anew."""
        with self._lock:
            if not waiting or self.at_work:
                self.heard_at = now
            return now - self.heard_at > DEAF_AFTER_S


def start(sender: Any, **_: Any) -> None:
    hearing = Hearing()
    task_prerun.connect(hearing.begin, weak=False)
    task_postrun.connect(hearing.end, weak=False)
    queues = [queue.name for queue in sender.task_consumer.queues]
    threading.Thread(target=watch, args=(hearing, queues), name="hearing", daemon=True).start()


def watch(hearing: Hearing, queues: list[str]) -> None:
    broker = redis.Redis.from_url(redis_url(), socket_timeout=2, socket_connect_timeout=2)
    while True:
        time.sleep(LOOK_EVERY_S)
        try:
            waiting = sum(int(broker.llen(queue)) for queue in queues)
        except redis.RedisError:
            waiting = 0
        if hearing.is_deaf(waiting, time.monotonic()):
            logger.critical("deaf: %d messages wait in %s and none is taken; this worker ends", waiting, queues)
            os._exit(EXIT_STATUS)


worker_ready.connect(start, weak=False)
