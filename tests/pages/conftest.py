"""The standing cast as records, without a hypervisor behind them: pages show, they do not act."""

import pytest
from django.utils import timezone

from ivmweb.hypervisor.base import PartitionFacts, RunState
from ivmweb.lab import data
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import PRIME_ADMINISTRATOR, VIEW_ONLY
from migration.models import Migration, RemoteSystem
from tests import factories

DAY_S = 86400


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


def make_remote(**fields):
    return RemoteSystem.objects.create(
        **fields,
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
    return factories.make_system()


@pytest.fixture
def uli13lp1(system):
    return factories.make_lab_partition(data.ULI13LP1)


@pytest.fixture
def uli13lp2(system):
    return factories.make_lab_partition(data.ULI13LP2)


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
    for view in ("partitions", "power", "partition_properties", "reference_codes", "system_properties"):
        monkeypatch.setattr(
            f"ivmweb.pages.views.{view}.runtime_facts", lambda: None if said.is_silent else dict(said)
        )
    monkeypatch.setattr("migration.views.runtime_facts", lambda: None if said.is_silent else dict(said))
    return said


@pytest.fixture
def as_padmin(db, client):
    user = factories.make_user("padmin", PRIME_ADMINISTRATOR)
    client.force_login(user)
    return client


@pytest.fixture
def as_viewer(db, client):
    user = factories.make_user("viewer", VIEW_ONLY)
    client.force_login(user)
    return client


@pytest.fixture
def make_migration(uli13lp1, uli14):
    def make(state="transferring", remote=None, **fields):
        return make_running_migration(uli13lp1, remote or uli14, state=state, **fields)

    return make


def text_of(response):
    return response.content.decode()
