"""One console's records, a hypervisor that answers from a script, and the other console as a remote system."""

from dataclasses import asdict, replace

import pytest
from django.contrib.auth.models import User

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Capacity, OwnerWord, PartitionFacts, RunState, SystemFacts
from ivmweb.hypervisor.lun import change_word
from ivmweb.hypervisor.vmc import owners
from ivmweb.lab import data, records
from ivmweb.lab.options import LabOptions
from ivmweb.lab.records import make_first_state, plan_for
from ivmweb.system import services
from ivmweb.system.mapping import scheme_slot
from ivmweb.system.models import LogicalPartition
from migration.models import RemoteSystem
from migration.peer import local
from migration.peer.messages import PROTOCOL_VERSION, Configuration, Hello

STREAM_VERSION = "simulated 1"


class ScriptedHypervisor:
    """Answers what it was told, with the LUNs as they are, or is silent."""

    def __init__(self):
        self.partitions = []
        self.rmc_answer = ""  # key of its refusal
        self.asked_over_rmc = []
        self.version = STREAM_VERSION
        self.silent = False
        self.mark = None  # on all LUNs

    def describe_system(self):
        self.answer()
        return SystemFacts(Capacity(8192, 4.0, 4096, self.version), "incarnation", tuple(self.partitions))

    def prepare_for_migration(self, lpar_id, timeout_s):
        self.answer()
        self.asked_over_rmc.append(lpar_id)
        if self.rmc_answer:
            raise HypervisorError(self.rmc_answer, name="uli13lp1", lpar_id=lpar_id, reason="no", timeout_s=timeout_s)

    def look_at_luns(self, luns):
        self.answer()
        return tuple(replace(owners.look(lun), mark=self.mark) for lun in luns)

    def describe(self, lpar_id):
        self.answer()

    def discard(self, lpar_id, fence):
        self.answer()

    def remove(self, lpar_id, fence):
        self.answer()

    def answer(self):
        if self.silent:
            raise HypervisorError("hypervisor-unreachable", host="uli13", socket="x.sock", reason="no such file")


@pytest.fixture
def hypervisor(monkeypatch):
    scripted = ScriptedHypervisor()
    monkeypatch.setattr(services, "hypervisor", lambda: scripted)
    monkeypatch.setattr(local, "_version", (0.0, ""))
    return scripted


@pytest.fixture(scope="session")
def san(tmp_path_factory):
    """The LUNs. Made once, since no test of records writes to them."""
    return tmp_path_factory.mktemp("san")


@pytest.fixture
def options(tmp_path, san):
    return LabOptions(lab_dir=tmp_path, san_dir=san)


@pytest.fixture
def uli13(db, hypervisor, options):
    """This console is uli13's, and knows uli14."""
    make_first_state(data.ULI13, options)
    return remote_system(data.ULI14)


@pytest.fixture
def uli14(db, hypervisor, options):
    """This console is uli14's, and knows uli13."""
    make_first_state(data.ULI14, options)
    return remote_system(data.ULI13)


@pytest.fixture
def uli13lp1(uli13, hypervisor):
    partition = LogicalPartition.objects.get(name="uli13lp1")
    hypervisor.partitions.append(fact_of(partition))
    return partition


@pytest.fixture
def uli13lp2(uli13):
    return LogicalPartition.objects.get(name="uli13lp2")


@pytest.fixture
def luns_of_uli13(options):
    """The SAN as uli13's set-up leaves it: each partition owns its LUNs."""
    records.make_luns(options)
    for partition in data.ULI13.partitions:
        owner = OwnerWord(str(records.partition_uuid(partition, data.ULI13)), data.ULI13.identity)
        for number in partition.hdisks:
            change_word(options.lun_path(number), OwnerWord(), owner)


@pytest.fixture
def padmin(db):
    return User.objects.get(username="padmin")


@pytest.fixture
def viewer(db):
    return User.objects.get(username="viewer")


def fact_of(partition, run_state=RunState.RUNNING, **fields):
    """As the hypervisor tells of it."""
    fact = {"lpar_id": partition.lpar_id, "uuid": str(partition.uuid), "name": partition.name, "memory_mb": 1024}
    rest = {"uptime_s": 1.0, "utilized_units": 0.0, "reference_code": "Linux ppc64"}
    return PartitionFacts(run_state=run_state, **fact | rest | fields)


@pytest.fixture
def configuration(options, luns_of_uli13):
    """uli13lp1 as it travels."""
    return configuration_for(data.ULI13LP1, options)


def configuration_for(partition, options):
    plan = plan_for(partition, data.ULI13, options)
    adapters = tuple(replace(adapter, slot=scheme_slot(plan.lpar_id)) for adapter in plan.adapters)
    return Configuration.model_validate(asdict(replace(plan, adapters=adapters)))


def remote_system(system, **fields):
    fields = {
        "name": system.host_name,
        "address": f"127.0.0.1:{system.https_port}",
        "certificate": "not used",
        "fingerprint": "not used",
        "system_name": system.name,
        "system_identity": system.identity,
    } | fields
    return RemoteSystem.objects.create(**fields)


def hello_of(system, **fields):
    fields = {
        "protocol": PROTOCOL_VERSION,
        "stream_version": STREAM_VERSION,
        "host_name": system.host_name,
        "system_name": system.name,
        "system_identity": system.identity,
    } | fields
    return Hello(**fields)
