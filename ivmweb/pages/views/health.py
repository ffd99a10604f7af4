"""For supervisors and load balancers: is the process up, can it serve, and what does it miss."""

from functools import cache

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ivmweb.monitor import notices, schedule
from ivmweb.system.inventory import runtime_facts

OK = "ok"
SCHEDULE_SILENT_S = 30.0


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 once pages can be served: the database answers and has its tables. The rest is told beside it, because
    a console without Redis or hypervisor still has to show what it knows."""
    database = database_state()
    checks = {"database": database}
    if database == OK:
        checks |= {"redis": redis_state(), "schedule": schedule_state(), "hypervisor": hypervisor_state()}
    return JsonResponse({"ready": database == OK, "checks": checks}, status=200 if database == OK else 503)


def database_state() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return OK if schema_is_current() else "schema migrations are missing"
    except DatabaseError as exc:
        return f"no answer: {type(exc).__name__}"


class NotYet(Exception):
    """Keeps `cache` from remembering that the schema is old."""


def schema_is_current() -> bool:
    try:
        return find_current_schema()
    except NotYet:
        return False


@cache
def find_current_schema() -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotYet
    return True


def redis_state() -> str:
    try:
        with redis.Redis.from_url(notices.redis_url(), socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
    except redis.RedisError as exc:
        return f"no answer: {type(exc).__name__}"
    return OK


def schedule_state() -> str:
    """Whether beat rings and a control worker hears it: without them nothing is recovered by itself."""
    try:
        silent_for_s = schedule.silent_for_s()
    except redis.RedisError:
        return "not known without Redis"
    if silent_for_s is None:
        return "has not run yet"
    return (
        OK
        if silent_for_s < max(SCHEDULE_SILENT_S, 3 * settings.SCHEDULE_S)
        else f"has not run for {silent_for_s:.0f} s: look at beat and control"
    )


def hypervisor_state() -> str:
    return OK if runtime_facts() is not None else "no answer"
