"""The console that the browser tests look at, served together with a control line on standard input.

The hypervisor's answer is fixed here, and so is Validate's: pages are tried, not migrations.
"""

import datetime as dt
import json
import socket
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace

import uvicorn
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command

from ivmweb.asgi import application
from ivmweb.common.errors import PeerError
from ivmweb.lab import data
from ivmweb.monitor import notices
from ivmweb.monitor.models import MonitorTask
from ivmweb.pages.views import partition_properties, partitions, power, system_properties
from ivmweb.system import terminals
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import PRIME_ADMINISTRATOR, VIEW_ONLY
from migration import services
from migration.models import Migration, RemoteSystem, TransferCurve, ValidationReport
from tests import factories
from tests.browser.world_names import MIGRATION_ID, REPORT_ID
from tests.pages import conftest as cast

ROWS = {
    "partition": LogicalPartition.objects.filter(lpar_id=2),
    "task": MonitorTask.objects.all(),
    "migration": Migration.objects.filter(pk=MIGRATION_ID),
}


def facts():
    return {2: cast.make_facts(2, "uli13lp1")}


class Consoles:
    """The consoles of partitions: each asks for a log-in, and gives back what is typed in capitals and colours."""

    def __init__(self):
        self.open = {}

    def open_console(self, lpar_id):
        ours, theirs = socket.socketpair()
        self.open[lpar_id] = theirs
        theirs.sendall(b"uli13lp1 login: ")
        threading.Thread(target=self.answer, args=(theirs,), daemon=True).start()
        return ours

    def answer(self, end):
        with suppress(OSError):
            while keys := end.recv(4096):
                end.sendall(b"\x1b[1;31m" + keys.upper() + b"\x1b[38;2;200;180;160m.\x1b[0m")

    def close_console(self, lpar_id):
        self.open[lpar_id].sendall(b"\r\nThe console is closed: the run on this system has ended.\r\n")
        self.open[lpar_id].shutdown(socket.SHUT_RDWR)


consoles = Consoles()


def no_peer(**_):
    raise PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:8414", timeout_s=10)


def make():
    """The records as new; sessions go with their users."""
    for model in (ValidationReport, Migration, RemoteSystem, LogicalPartition, MonitorTask, User):
        model.objects.all().delete()
    for model in apps.get_app_config("system").get_models():
        model.objects.all().delete()
    factories.make_user("padmin", PRIME_ADMINISTRATOR)
    factories.make_user("viewer", VIEW_ONLY)
    factories.make_system()
    factories.make_lab_partition(data.ULI13LP1)
    factories.make_lab_partition(data.ULI13LP2)
    task = MonitorTask.objects.create(name="Migrate Partition", target="uli13lp1 (2)", user="padmin", percent=42)
    migration = cast.make_running_migration(
        LogicalPartition.objects.get(lpar_id=2),
        cast.make_remote(pk=1),
        id=MIGRATION_ID,
        task=task,
        percent=42,
        bytes_total=2**30,
        outlook="not converging",
    )
    for minutes, outcome in ((5, "passed"), (0, "failed")):
        make_report(migration, minutes, outcome)
    TransferCurve.objects.create(migration=migration, points=[[0, 2**30, 0], [7, 2**29, 2**29]])


def make_report(migration, minutes_ago, outcome):
    """The newest one has a fixed id, and a check that was made again."""
    report = ValidationReport.objects.create(
        **({} if minutes_ago else {"pk": REPORT_ID}),
        partition_uuid=migration.partition_uuid,
        partition_name="uli13lp1",
        lpar_id=2,
        type="active",
        remote=migration.remote,
        remote_manager="uli14",
        remote_user="padmin",
        user="padmin",
    )
    ValidationReport.objects.filter(pk=report.pk).update(
        created_at=report.created_at - dt.timedelta(minutes=minutes_ago)
    )
    found = {"check_name": "partition_is_free", "side": "source", "measured": "no other operation"}
    report.findings.create(**found, outcome=outcome)
    report.findings.create(**found, outcome="passed", again_at=report.created_at, again_by="padmin")
    report.findings.create(
        check_name="partition_has_no_physical_adapters",
        side="destination",
        outcome="failed",
        measured="hdisk7 (The LUN /storage/attached-to-both-servers/lun7-of-the-mobile-partition can't be used)",
        limit="7998-61X*100390A",
        message_key="choose-one-partition",
        message_params={"task": "Migrate", "count": 9, "names": "5005076303030053-4011400700000000" * 2},
    )


def change(what, fields):
    """Set fields of one record, as a worker does, and publish what it would."""
    ROWS[what].all().update(**fields)
    notices.publish(notices.PARTITIONS, notices.TASKS, notices.migration_topic(MIGRATION_ID))


def obey():
    """One JSON order a line; each is answered by one line."""
    for line in sys.stdin:
        order = json.loads(line)
        if order["what"] == "make":
            make()
        elif order["what"] == "hang up":
            consoles.close_console(2)
        else:
            change(order["what"], order["fields"])
        print("done", flush=True)


def serve(port):
    call_command("migrate", verbosity=0)
    for view in (partitions, power, partition_properties, system_properties):
        view.runtime_facts = facts
    services.validate = no_peer
    terminals.services = SimpleNamespace(hypervisor=lambda: consoles)
    config = uvicorn.Config(
        application,
        port=port,
        ws="websockets-sansio",
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    threading.Thread(target=obey, daemon=True).start()
    uvicorn.Server(config).run()
