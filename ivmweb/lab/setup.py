"""Sets up one console of the laboratory, and brings its hypervisor in line with the records at each start."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ivmweb.common.certificates import fingerprint
from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Hypervisor, RunState
from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from ivmweb.lab import data
from ivmweb.lab.data import LabSystem
from ivmweb.lab.options import LabOptions
from ivmweb.lab.records import make_first_state
from ivmweb.system import services
from ivmweb.system.certificate import ensure_own_certificate
from ivmweb.system.epochs import operator_fence
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState
from migration import restored
from migration.journal import unfinished_migrations
from migration.models import RemoteSystem

logger = logging.getLogger(__name__)

PARTNER_WAIT_S = 60
BOOT_WAIT_S = 60
POLL_S = 0.05
RAN = frozenset({PartitionState.RUNNING, PartitionState.STARTING, PartitionState.OPEN_FIRMWARE})

Say = Callable[[str], object]


class SetupFailed(Exception):
    """The text says what is missing and what to do."""


def set_up(system: LabSystem, options: LabOptions, say: Say) -> None:
    """Idempotent; each part is quick where it was done before. Raises SetupFailed or HypervisorError."""
    settings.STATE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    ensure_own_certificate()
    bring_database_up_to_date(say)
    is_first = make_first_state(system, options)
    if is_first:
        say(f"{system.host_name}: records made")
    set_bandwidth(options)
    pin_partner(data.partner_of(system), options, PARTNER_WAIT_S)
    restored.look()
    if ManagedSystem.objects.filter(held_back=True).exists():
        say(f"{system.host_name}: its database was restored from a backup; nothing is started")
        return
    started = bring_hypervisor_in_line(services.hypervisor(), say)
    if is_first:
        wait_until_running(services.hypervisor(), started)
    take_inventory()


def bring_database_up_to_date(say: Say) -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
        say("database brought up to date")


def set_bandwidth(options: LabOptions) -> None:
    """With or without the limit, as this start asks; a limit that somebody chose is left."""
    systems = (
        ManagedSystem.objects.all()
        if options.is_fast
        else ManagedSystem.objects.filter(migration_bandwidth_bytes_per_s=0)
    )
    systems.update(migration_bandwidth_bytes_per_s=options.bandwidth_bytes_per_s)


def pin_partner(partner: LabSystem, options: LabOptions, wait_s: float) -> RemoteSystem:
    """The other console as remote system. Both start at once, so its certificate may take a moment.

    One that somebody has removed stays removed.
    """
    certificate = wait_for_file(options.certificate_of(partner), wait_s)
    remote = RemoteSystem.objects.filter(system_identity=partner.identity).first() or RemoteSystem(
        name=partner.host_name, system_identity=partner.identity
    )
    remote.address, remote.system_name = options.https_address(partner), partner.name
    remote.certificate, remote.fingerprint = certificate, fingerprint(certificate)
    remote.save()
    return remote


def wait_for_file(path: Path, wait_s: float) -> str:
    deadline = time.monotonic() + wait_s
    while not path.exists():
        if time.monotonic() > deadline:
            raise SetupFailed(f"{path} has not appeared within {wait_s:g} s. Start the other console of the lab.")
        time.sleep(POLL_S)
    return path.read_text()


def bring_hypervisor_in_line(vmc: Hypervisor, say: Say) -> list[int]:
    """Define what is missing and start again what ran; the IDs of what was started.

    A partition of an open migration is left alone: only the two consoles' answers decide who may run it.
    """
    moving = {migration.partition_uuid for migration in unfinished_migrations()}
    started = []
    for partition in LogicalPartition.objects.clients():
        if partition.hold or partition.uuid in moving:
            continue
        try:
            if bring_in_line(vmc, partition):
                started.append(partition.lpar_id)
                say(f"{partition.name}: started")
        except HypervisorError as exc:
            if exc.key == "hypervisor-unreachable":
                raise
            say(f"{partition.name}: not started: {exc}")
    return started


def bring_in_line(vmc: Hypervisor, partition: LogicalPartition) -> bool:
    fact = vmc.describe(partition.lpar_id)
    if fact is None:
        vmc.create(services.definition_of(partition), operator_fence())
    elif fact.run_state is not RunState.NOT_ACTIVATED:
        return False
    if partition.state not in RAN:
        return False
    if isinstance(vmc, SimulatedHypervisor) and not partition.reference_codes.exists():
        vmc.set_uptime(partition.lpar_id, data.UPTIME_S)  # the example begins in the middle of its run
    vmc.activate(partition.lpar_id, operator_fence())
    return True


def wait_until_running(vmc: Hypervisor, lpar_ids: list[int], wait_s: float = BOOT_WAIT_S) -> None:
    deadline = time.monotonic() + wait_s
    for lpar_id in lpar_ids:
        while (fact := vmc.describe(lpar_id)) is None or fact.run_state is RunState.STARTING:
            if time.monotonic() > deadline:
                raise SetupFailed(f"Partition ID {lpar_id} has not started within {wait_s:g} s. Look at its codes.")
            time.sleep(POLL_S)
