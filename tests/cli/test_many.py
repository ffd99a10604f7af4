"""200 partitions with 2,000 disks: as many queries as for two, and each listing complete."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ivmweb.cli.completion import Completion
from ivmweb.cli.devices import devices, volume_devices
from ivmweb.lab.records import small_plan
from ivmweb.system.models import (
    LogicalPartition,
    PhysicalAdapter,
    PhysicalVolume,
    ReferenceCode,
    VirtualEthernetAdapter,
    VirtualServerAdapter,
    VirtualTargetDevice,
)

PARTITIONS, DISKS_EACH = 200, 10
FIRST_ID, FIRST_DISK = 10, 100
MANY = {
    "many": range(PARTITIONS),
    "vhost": range(FIRST_ID, FIRST_ID + PARTITIONS),
    "hdisk": range(FIRST_DISK, FIRST_DISK + PARTITIONS * DISKS_EACH),
}
WORD = re.compile(r"[a-z]+\d+")
LISTINGS = {  # and what there is of each of the many in it
    "lssyscfg -r lpar": "many",
    "lssyscfg -r prof": "many",
    "lsmap -all": "vhost",
    "lsmap -all -fmt :": "vhost",
    "lsdev": "vhost",
    "lsdev -virtual": "vhost",
    "lsdev -vpd": "vhost",
    "lsdev -dev hdisk2 -parent": "",
    "lspv": "hdisk",
    "lspv -size": "hdisk",
    "lspv -free": "",
    "lshwres -r mem --level sys": "",
    "lshwres -r mem --level lpar": "many",
    "lshwres -r proc --level sys": "",
    "lshwres -r proc --level lpar": "many",
    "lshwres -r io --rsubtype slot": "many",
    "lshwres -r virtualio --rsubtype slot --level slot": "many",
    "lshwres -r virtualio --rsubtype slot --level lpar": "many",
    "lshwres -r virtualio --rsubtype eth --level lpar": "many",
    "lshwres -r virtualio --rsubtype scsi --level lpar": "many",
    "lshwres -r virtualio --rsubtype serial --level lpar": "many",
    "lslparmigr -r lpar": "many",
    "lslparmigr -r virtualio --ip uli14 --filter lpar_ids=2": "",
    "lsrefcode -r lpar -n 5": "many",
}


@pytest.fixture
def small_lab(uli13lp1, uli13lp2, uli14, prompt):
    prompt.keyboard.typed = ["padmin"]
    prompt("lslparmigr -r virtualio --ip uli14 --filter lpar_ids=2")  # logged in there from now on
    ReferenceCode.objects.create(partition=uli13lp1, code="Linux ppc64", time=timezone.now())


def make_many():
    """Records only; as the services make them, in a few statements."""
    now = timezone.now()
    pattern = LogicalPartition.objects.get(name="uli13lp1")
    fields = {
        field.attname: getattr(pattern, field.attname)
        for field in LogicalPartition._meta.concrete_fields
        if field.attname not in {"id", "uuid", "name", "lpar_id"}
    }
    rows = LogicalPartition.objects.bulk_create(
        LogicalPartition(
            uuid=small_plan(f"many{number}", FIRST_ID + number, 64).uuid,
            name=f"many{number}",
            lpar_id=FIRST_ID + number,
            **fields,
        )
        for number in range(PARTITIONS)
    )
    adapters = VirtualServerAdapter.objects.bulk_create(
        VirtualServerAdapter(name=f"vhost{FIRST_ID + number}", slot=2 * row.lpar_id + 1007, partition=row)
        for number, row in enumerate(rows)
    )
    volumes = PhysicalVolume.objects.bulk_create(
        PhysicalVolume(
            name=f"hdisk{number}",
            unique_id=f"many{number}",
            path=f"/nowhere/{number}",
            size_mb=1024,
            location=f"L{number}",
        )
        for number in range(FIRST_DISK, FIRST_DISK + PARTITIONS * DISKS_EACH)
    )
    VirtualTargetDevice.objects.bulk_create(
        VirtualTargetDevice(
            name=f"vtscsi{FIRST_DISK + number}",
            adapter=adapters[number // DISKS_EACH],
            lun_number=0x81 + number % DISKS_EACH,
            physical_volume=volume,
        )
        for number, volume in enumerate(volumes)
    )
    VirtualEthernetAdapter.objects.bulk_create(
        VirtualEthernetAdapter(partition=row, slot=4, vlan_id=1, mac_address=f"EE0000{row.lpar_id:04X}04")
        for row in rows
    )
    PhysicalAdapter.objects.bulk_create(
        PhysicalAdapter(location=f"U1-P1-C{row.lpar_id}", description="Ethernet controller", partition=row)
        for row in rows
    )
    ReferenceCode.objects.bulk_create(
        ReferenceCode(partition=row, code=f"C{number}", time=now) for row in rows for number in range(5)
    )


def queries(prompt, line):
    with CaptureQueriesContext(connection) as captured:
        prompt(line)
    assert (prompt.status, prompt.err) == (0, "")
    return [one["sql"].split(" WHERE ")[0] for one in captured]


def test_many_partitions_and_disks_take_as_many_queries_as_few(prompt, small_lab):
    few = {line: queries(prompt, line) for line in LISTINGS}
    make_many()
    for line, begins in LISTINGS.items():
        assert queries(prompt, line) == few[line], line
        words = set(WORD.findall(prompt.out))
        assert {f"{begins}{number}" for number in MANY.get(begins, ())} <= words, line


def test_names_for_the_tab_key_are_learned_in_few_queries(small_lab, django_assert_num_queries):
    make_many()
    completion = Completion()
    with django_assert_num_queries(12):
        completion.learn()
    assert set(completion.devices) == {device.name for device in [*devices(), *volume_devices()]}
    assert len(completion.partitions) == PARTITIONS + 3
