"""The standing cast, as a page sees it: uli13 with uli13lp1 (running), uli13lp2 (off), and the console uli14."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ivmweb.hypervisor.base import PartitionFacts, RunState
from ivmweb.system.models import LogicalPartition, ManagedSystem
from ivmweb.system.rights import PRIME_ADMINISTRATOR, VIEW_ONLY, give_role
from migration.models import Migration, RemoteSystem

DAY_S = 86400


def make_user(name, role):
    user = User.objects.create_user(name, password=name)
    give_role(user, role)
    return user


def make_partition(lpar_id, name, state="Not Activated", **fields):
    sizes = {
        "memory_minimum_mb": 256,
        "memory_mb": 1024,
        "memory_maximum_mb": 2048,
        "processing_units_minimum": "0.1",
        "processing_units": "0.1",
        "processing_units_maximum": "1",
    }
    return LogicalPartition.objects.create(lpar_id=lpar_id, name=name, state=state, **sizes | fields)


def make_facts(lpar_id, name, run_state=RunState.RUNNING, **fields):
    running = {"uptime_s": 13.47 * DAY_S, "utilized_units": 0.03, "reference_code": "Linux ppc64"}
    return PartitionFacts(lpar_id, "", name, run_state, 1024, **running | fields)


def make_system():
    return ManagedSystem.objects.create(
        pk=1,
        host_name="uli13",
        name="Server-7998-61X-SN100390A",
        type_model="7998-61X",
        serial_number="100390A",
        fibre_channel_location="U78A5.001.WIH0402-P1-C6-T1",
        installed_memory_mb=4096,
        firmware_memory_mb=320,
        free_memory_mb=2752,
        installed_units="4",
        free_units="1.8",
    )


def make_remote():
    return RemoteSystem.objects.create(
        name="uli14",
        address="127.0.0.1:8414",
        certificate="-",
        fingerprint="AA",
        system_name="Server-7998-60X-SN100E7DA",
    )


def make_running_migration(partition, remote, **fields):
    usual = {
        "role": "source",
        "type": "active",
        "state": "transferring",
        "activity": "transferring",
        "partition": partition,
        "partition_uuid": partition.uuid,
        "partition_name": partition.name,
        "lpar_id": partition.lpar_id,
        "remote": remote,
        "remote_manager": "uli14",
        "remote_user": "padmin",
        "user": "padmin",
    }
    migration = Migration(**usual | fields)
    if migration.is_final:
        migration.ended_at = timezone.now()
    migration.save(force_insert=True)
    return migration


@pytest.fixture
def system(db):
    return make_system()


@pytest.fixture
def vios(system):
    return make_partition(1, "uli13", "Running", environment="vioserver", processing_units="0.4")


@pytest.fixture
def uli13lp1(vios):
    return make_partition(2, "uli13lp1", "Running")


@pytest.fixture
def uli13lp2(vios):
    return make_partition(3, "uli13lp2")


@pytest.fixture
def uli14(db):
    return make_remote()


@pytest.fixture
def facts(monkeypatch):
    """What the hypervisor says; tests change the dictionary, or call `facts.silence()`."""

    class Facts(dict):
        is_silent = False

        def silence(self):
            self.is_silent = True

    said = Facts({2: make_facts(2, "uli13lp1")})
    for view in ("partitions", "power"):
        monkeypatch.setattr(
            f"ivmweb.pages.views.{view}.runtime_facts", lambda: None if said.is_silent else dict(said)
        )
    return said


@pytest.fixture
def as_padmin(db, client):
    user = make_user("padmin", PRIME_ADMINISTRATOR)
    client.force_login(user)
    return client


@pytest.fixture
def as_viewer(db, client):
    user = make_user("viewer", VIEW_ONLY)
    client.force_login(user)
    return client


@pytest.fixture
def make_migration(uli13lp1, uli14):
    def make(state="transferring", **fields):
        return make_running_migration(uli13lp1, uli14, state=state, **fields)

    return make


def text_of(response):
    return response.content.decode()
