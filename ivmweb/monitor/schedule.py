"""The schedule's sign of life: beat rings, a control worker answers, and both can be seen to do so."""

import logging
import time

import redis

from ivmweb.monitor import notices

logger = logging.getLogger(__name__)

KEPT_S = 7 * 86400


def tick() -> None:
    """A control worker is looking for what is due; never raises."""
    try:
        notices.client().set(_key(), time.time(), ex=KEPT_S)
    except redis.RedisError as exc:
        logger.debug("tick lost: %s", exc)


def silent_for_s() -> float | None:
    """Seconds since the last tick; None where there is none. Raises RedisError."""
    ticked_at = notices.client().get(_key())
    return None if ticked_at is None else max(0.0, time.time() - float(ticked_at))


def _key() -> str:
    return f"{notices.prefix()}:tick"
