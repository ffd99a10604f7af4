"""Tells open pages that something changed. Losing a notice loses nothing: pages also look by themselves."""

import logging
from functools import cache

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

PARTITIONS = "partitions"
TASKS = "tasks"
SYSTEM = "system"
MIGRATION = "migration-"  # and its id


def migration_topic(migration_id: object) -> str:
    return f"{MIGRATION}{migration_id}"


def prefix() -> str:
    """Of all our names in Redis: its channels are not separated by database number, so the console's is in it."""
    return f"ivm:{settings.CONSOLE}"


def channel() -> str:
    return f"{prefix()}:changed"


def redis_url() -> str:
    """The broker's address in the redis library's own spelling (kombu says redis+socket)."""
    return str(settings.REDIS_URL).replace("redis+socket://", "unix://")


@cache
def client() -> "redis.Redis":
    return redis.Redis.from_url(redis_url(), socket_timeout=0.2, socket_connect_timeout=0.2)


def publish(*topics: str) -> None:
    """Send the notices once the current transaction is on disk; never raises."""
    transaction.on_commit(lambda: _send(topics), robust=True)


def _send(topics: tuple[str, ...]) -> None:
    try:
        for topic in topics:
            client().publish(channel(), topic)
    except redis.RedisError as exc:
        logger.debug("notice lost: %s", exc)
