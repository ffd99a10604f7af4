"""Setting up a console of the lab, on a scripted hypervisor: the first start, and every later one."""

import threading
from dataclasses import replace

import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory

from ivmweb.common.certificates import fingerprint, make_certificate
from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import OwnerWord, RunState
from ivmweb.lab import data, setup
from ivmweb.lab.options import LabOptions
from ivmweb.lab.records import make_luns
from ivmweb.lab.setup import SetupFailed, set_up
from ivmweb.system import services
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState
from migration.models import RemoteSystem


@pytest.fixture
def options(tmp_path, settings, monkeypatch):
    settings.STATE_DIR = tmp_path / "uli13"
    settings.CERTIFICATE = settings.STATE_DIR / "console.crt"
    settings.CERTIFICATE_KEY = settings.STATE_DIR / "console.key"
    monkeypatch.setattr(setup, "PARTNER_WAIT_S", 0)
    monkeypatch.setattr(data, "LUN_SIZE_MB", 1)
    return LabOptions(lab_dir=tmp_path, san_dir=tmp_path / "san", port_offset=100)


@pytest.fixture
def partner(options):
    """The other console's certificate is there."""
    pem = make_certificate("uli14").certificate
    path = options.certificate_of(data.ULI14)
    path.parent.mkdir()
    path.write_text(pem)
    return pem


@pytest.fixture
def first_start(db, hypervisor, options, partner, monkeypatch):
    """Run it: a partition that is started boots while it is waited for."""

    def wait(vmc, lpar_ids):
        for lpar_id in lpar_ids:
            vmc.boot(lpar_id, data.UPTIME_S)

    monkeypatch.setattr(setup, "wait_until_running", wait)
    return lambda: set_up(data.ULI13, options, lambda text: None)


def word(options, hdisk):
    return lun.read_word(options.lun_path(hdisk))


def test_the_first_start_gives_the_server_of_the_example(first_start, hypervisor):
    first_start()
    assert list(LogicalPartition.objects.values_list("lpar_id", "name", "state")) == [
        (1, "uli13", "Running"),
        (2, "uli13lp1", "Running"),
        (3, "uli13lp2", "Not Activated"),
    ]
    assert hypervisor.runs[2].run_state is RunState.RUNNING
    assert hypervisor.runs[3].run_state is RunState.NOT_ACTIVATED
    assert hypervisor.runs[2].definition.workload_bytes_per_s == 4 * 2**20


def test_the_users_can_log_in(first_start):
    first_start()
    request = RequestFactory().post("/")
    for name in ("padmin", "viewer"):
        assert authenticate(request, username=name, password=name)


def test_the_partner_is_trusted_by_its_certificate(first_start, partner):
    first_start()
    remote = RemoteSystem.objects.get()
    assert (remote.name, remote.address, remote.system_identity) == ("uli14", "127.0.0.1:8514", "7998-60X*100E7DA")
    assert (remote.certificate, remote.fingerprint) == (partner, fingerprint(partner))


def test_the_console_has_a_certificate_and_a_key_for_nobody_else(first_start, settings):
    first_start()
    assert settings.CERTIFICATE.exists()
    assert settings.CERTIFICATE_KEY.stat().st_mode & 0o077 == 0


def test_luns_of_partitions_belong_to_them_and_the_others_to_nobody(first_start, options):
    first_start()
    for lab in data.ULI13.partitions:
        uuid = str(LogicalPartition.objects.get(name=lab.name).uuid)
        assert {word(options, hdisk) for hdisk in lab.hdisks} == {OwnerWord(uuid, "7998-61X*100390A")}
    assert all(word(options, hdisk).is_free for hdisk in (0, 3, 4))


def test_a_second_start_changes_nothing(first_start, hypervisor):
    first_start()
    before = ManagedSystem.objects.values().get(), list(LogicalPartition.objects.values())
    calls = list(hypervisor.calls)
    first_start()
    after = ManagedSystem.objects.values().get(), list(LogicalPartition.objects.values())
    assert (after, hypervisor.calls) == (before, calls)


def test_what_ran_is_started_again(first_start, hypervisor):
    first_start()
    hypervisor.crash()
    first_start()
    assert hypervisor.runs[2].run_state is RunState.STARTING
    assert LogicalPartition.objects.get(lpar_id=2).state == PartitionState.STARTING
    assert hypervisor.runs[3].run_state is RunState.NOT_ACTIVATED


def test_what_was_shut_down_stays_off(first_start, hypervisor):
    first_start()
    hypervisor.crash()
    LogicalPartition.objects.filter(lpar_id=2).update(state=PartitionState.NOT_ACTIVATED)
    first_start()
    assert hypervisor.runs[2].run_state is RunState.NOT_ACTIVATED


def test_a_partition_of_an_open_migration_is_not_started(first_start, hypervisor, monkeypatch):
    first_start()
    hypervisor.crash()
    partition = LogicalPartition.objects.get(lpar_id=2)

    class Open:
        partition_uuid = partition.uuid

    monkeypatch.setattr(setup, "unfinished_migrations", lambda: [Open])
    first_start()
    assert hypervisor.runs[2].run_state is RunState.NOT_ACTIVATED


def test_a_held_partition_is_neither_defined_nor_started(first_start, hypervisor):
    first_start()
    services.hold(LogicalPartition.objects.get(lpar_id=2).pk, "migration 1")
    del hypervisor.runs[2]
    first_start()
    assert 2 not in hypervisor.runs


def test_a_partition_that_does_not_start_does_not_keep_the_console_from_starting(first_start, hypervisor, options):
    first_start()
    hypervisor.crash()
    hypervisor.refuse("activate")
    said = []
    set_up(data.ULI13, options, said.append)
    assert [text for text in said if "uli13lp1: not started" in text]
    assert LogicalPartition.objects.get(lpar_id=2).state == PartitionState.NOT_ACTIVATED


def test_a_hypervisor_that_does_not_answer_is_an_error(first_start, hypervisor):
    hypervisor.is_reachable = False
    with pytest.raises(HypervisorError):
        first_start()


def test_without_the_other_console_the_first_start_says_what_is_missing(first_start, options):
    options.certificate_of(data.ULI14).unlink()
    with pytest.raises(SetupFailed, match="Start the other console"):
        first_start()


def test_the_bandwidth_limit_follows_the_option_but_not_over_an_administrators(first_start, options):
    first_start()
    assert ManagedSystem.objects.get().migration_bandwidth_bytes_per_s == 75 * 2**20
    setup.set_bandwidth(replace(options, is_fast=True))
    assert ManagedSystem.objects.get().migration_bandwidth_bytes_per_s == 0
    setup.set_bandwidth(options)
    ManagedSystem.objects.update(migration_bandwidth_bytes_per_s=5)
    setup.set_bandwidth(options)
    assert ManagedSystem.objects.get().migration_bandwidth_bytes_per_s == 5


def test_two_consoles_that_make_the_luns_at_once_make_each_one_once(options):
    errors = []

    def make():
        try:
            make_luns(options)
        except Exception as exc:
            errors.append(exc)

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert errors == []
    ids = [lun.read_identity(options.lun_path(number)).unique_id for number in range(data.LUN_COUNT)]
    assert ids == [data.unique_id(number) for number in range(data.LUN_COUNT)]


def test_a_lun_that_belongs_to_somebody_is_not_taken_over(first_start, options):
    make_luns(options)
    other = OwnerWord("another", "another system")
    lun.change_word(options.lun_path(2), OwnerWord(), other)
    first_start()
    assert word(options, 2) == other


def test_options_come_from_the_environment(monkeypatch, tmp_path):
    values = {
        "IVM_LAB_DIR": str(tmp_path),
        "IVM_LAB_PORT_OFFSET": "1000",
        "IVM_LAB_FAST": "true",
        "IVM_LAB_WORKLOAD": "60",
        "IVM_LAB_MEMORY_MB": "64",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    options = LabOptions.from_environment()
    assert options.san_dir == tmp_path / "san"
    assert options.https_address(data.ULI14) == "127.0.0.1:9414"
    assert (options.bandwidth_bytes_per_s, options.workload_bytes_per_s) == (0, 60 * 2**20)
    assert options.partition_memory_mb == 64


def test_waiting_for_a_boot_has_an_end(uli13lp2, hypervisor):
    hypervisor.enter(3, RunState.STARTING)
    with pytest.raises(SetupFailed, match="has not started"):
        setup.wait_until_running(hypervisor, [3], wait_s=0)
    hypervisor.boot(3)
    setup.wait_until_running(hypervisor, [3], wait_s=0)
