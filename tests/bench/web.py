"""`python -m tests.bench.web PARTITIONS TASKS`: one console with so many, served. Says where, and its cookie."""

import json
import socket
import sys
from typing import Any

import django


def main(partitions: int, tasks: int) -> None:
    django.setup()
    import uvicorn
    from django.core.management import call_command

    from ivmweb.asgi import application

    call_command("migrate", verbosity=0)
    fill(partitions, tasks)
    listener = socket.create_server(("127.0.0.1", 0))
    name, key, queries = look_once()
    print(json.dumps({"port": listener.getsockname()[1], "cookie": f"{name}={key}", "queries": queries}), flush=True)
    config = uvicorn.Config(application, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


def fill(partitions: int, tasks: int) -> None:
    from ivmweb.hypervisor.base import Fence
    from ivmweb.lab.records import small_plan
    from ivmweb.monitor.models import MonitorTask
    from ivmweb.system import services
    from ivmweb.system.models import ManagedSystem, PartitionState
    from ivmweb.system.rights import PRIME_ADMINISTRATOR
    from tests import factories

    factories.make_user("padmin", PRIME_ADMINISTRATOR)
    factories.make_system()
    ManagedSystem.objects.update(
        installed_memory_mb=10**6,
        free_memory_mb=10**6 // 2,
        installed_units=500,
        free_units=400,
        max_partitions=10**6,
    )
    for number in range(2, partitions + 2):
        partition = services.reserve_shell(small_plan(f"lp{number}", number, 64), "", PartitionState.NOT_ACTIVATED)
        services.hypervisor().create(services.definition_of(partition), Fence(1))
    rows = (MonitorTask(name="Activate Partition", target=f"lp{n % 200} (2)", user="padmin") for n in range(tasks))
    MonitorTask.objects.bulk_create(rows, batch_size=2000)


def look_once() -> tuple[str, str, dict[str, int]]:
    """The session cookie of a logged-in user, and how many queries each page makes."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tests.bench.pages import PAGES

    client = Client()
    client.force_login(User.objects.get(username="padmin"))
    queries: dict[str, Any] = {}
    for name, path in PAGES.items():
        with CaptureQueriesContext(connection) as captured:
            client.get(path, HTTP_HOST="127.0.0.1")
        queries[name] = len(captured)
    return settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value, queries


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
