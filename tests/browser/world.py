"""The console that the browser tests look at, served together with a control line on standard input.

The hypervisor's answer is fixed here, and so is Validate's: pages are tried, not migrations.
"""

import json
import sys
import threading

import uvicorn
from django.contrib.auth.models import User
from django.core.management import call_command

from ivmweb.asgi import application
from ivmweb.common.errors import PeerError
from ivmweb.monitor import notices
from ivmweb.monitor.models import MonitorTask
from ivmweb.pages.views import partitions, power
from ivmweb.system.models import LogicalPartition, ManagedSystem
from migration import services
from migration.models import Migration, RemoteSystem, ValidationReport
from tests.browser.world_names import MIGRATION_ID
from tests.pages import conftest as cast

ROWS = {
    "partition": LogicalPartition.objects.filter(lpar_id=2),
    "task": MonitorTask.objects.all(),
    "migration": Migration.objects.filter(pk=MIGRATION_ID),
}


def facts():
    return {2: cast.make_facts(2, "uli13lp1")}


def no_peer(**_):
    raise PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:8414", timeout_s=10)


def make():
    """The records as new; sessions go with their users."""
    for model in (ValidationReport, Migration, RemoteSystem, LogicalPartition, MonitorTask, ManagedSystem, User):
        model.objects.all().delete()
    cast.make_user("padmin", cast.PRIME_ADMINISTRATOR)
    cast.make_user("viewer", cast.VIEW_ONLY)
    cast.make_system()
    cast.make_partition(1, "uli13", "Running", processing_units="0.4")
    cast.make_partition(2, "uli13lp1", "Running")
    cast.make_partition(3, "uli13lp2")
    task = MonitorTask.objects.create(name="Migrate Partition", target="uli13lp1 (2)", user="padmin", percent=42)
    cast.make_running_migration(
        LogicalPartition.objects.get(lpar_id=2), cast.make_remote(), id=MIGRATION_ID, task=task, percent=42
    )


def change(what, fields):
    """Set fields of one record, as a worker does, and publish what it would."""
    ROWS[what].all().update(**fields)
    notices.publish(notices.PARTITIONS, notices.TASKS, notices.migration_topic(MIGRATION_ID))


def obey():
    """One JSON order a line; each is answered by one line."""
    for line in sys.stdin:
        order = json.loads(line)
        make() if order["what"] == "make" else change(order["what"], order["fields"])
        print("done", flush=True)


def serve(port):
    call_command("migrate", verbosity=0)
    partitions.runtime_facts = power.runtime_facts = facts
    services.validate = no_peer
    config = uvicorn.Config(application, port=port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    threading.Thread(target=obey, daemon=True).start()
    uvicorn.Server(config).run()
