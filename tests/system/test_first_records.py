import importlib
from decimal import Decimal

import pytest
from django.apps import apps
from django.core.management import call_command

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.hypervisor.base import Capacity
from ivmweb.system import first_records
from ivmweb.system.models import LogicalPartition, ManagedSystem, StoragePool

pytestmark = pytest.mark.django_db
CAPACITY = Capacity(memory_mb=4096, processing_units=2.0, memory_page_bytes=4096, version="simulated 1")


def test_a_new_console_records_its_server_as_the_hypervisor_has_it():
    assert first_records.make("uli14", "7998-60X*100E7DA", CAPACITY)
    system = ManagedSystem.objects.get()
    assert (system.name, system.identity) == ("Server-7998-60X-SN100E7DA", "7998-60X*100E7DA")
    assert (system.free_memory_mb, system.free_units) == (2752, Decimal("1.8"))
    pool = StoragePool.objects.get()
    assert (pool.name, pool.is_default, pool.size_mb > 0) == ("rootvg", True, True)
    management = LogicalPartition.objects.get()
    assert (management.lpar_id, management.name, management.is_management) == (1, "uli14", True)


def test_a_console_that_has_records_is_left_alone():
    first_records.make("uli14", "7998-60X*100E7DA", CAPACITY)
    assert not first_records.make("other", "1*2", CAPACITY)
    assert ManagedSystem.objects.get().host_name == "uli14"


def test_an_older_console_gets_its_pool_once():
    make_pool = importlib.import_module("ivmweb.system.migrations.0008_media_repository").make_pool
    make_pool(apps, None)
    assert not StoragePool.objects.exists()
    first_records.make("uli14", "7998-60X*100E7DA", CAPACITY)
    StoragePool.objects.update(name="datavg")
    make_pool(apps, None)
    assert StoragePool.objects.get().name == "datavg"
    StoragePool.objects.all().delete()
    make_pool(apps, None)
    assert StoragePool.objects.get().is_default


def test_the_management_partition_answers_as_a_move_needs_it():
    """Also where an earlier version has made its record without; what somebody has changed since stays."""
    management = LogicalPartition.objects.filter(lpar_id=1)
    first_records.make("uli14", "7998-60X*100E7DA", CAPACITY)
    assert management.get().rmc_state == "active"
    for before, after in {"none": "active", "inactive": "inactive"}.items():
        management.update(rmc_state=before)
        assert not first_records.make("uli14", "7998-60X*100E7DA", CAPACITY)
        assert management.get().rmc_state == after


@pytest.mark.parametrize("identity", ["", "7998-60X", "*1", "7998-60X*"])
def test_a_wrong_identity_is_refused_and_nothing_recorded(identity):
    with pytest.raises(PrerequisiteFailed):
        first_records.make("uli14", identity, CAPACITY)
    assert not ManagedSystem.objects.exists()


def test_setup_console_makes_certificate_and_records(hypervisor, settings, tmp_path, capsys):
    settings.CONSOLE, settings.SYSTEM = "uli14", "7998-60X*100E7DA"
    settings.CERTIFICATE, settings.CERTIFICATE_KEY = tmp_path / "c.crt", tmp_path / "c.key"
    call_command("setup_console", verbosity=0)
    assert settings.CERTIFICATE.exists()
    assert "recorded for the first time" in capsys.readouterr().out
    call_command("setup_console", verbosity=0)
    assert "up to date" in capsys.readouterr().out
